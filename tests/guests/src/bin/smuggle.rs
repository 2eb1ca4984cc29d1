//! Makes requests that would be two to a server that is careless, and answers with those that the host took.

use wasip2::http::types::{Fields, Method, OutgoingRequest};

const FIELDS: &str = "host=victim;transfer-encoding=chunked;connection=upgrade;upgrade=h2c;te=trailers;expect=100-continue;\
    proxy-connection=x;keep-alive=x;transfer_encoding=chunked;content_length=5;Transfer.Encoding=chunked;keep_alive=x;x=a\r\nhost: victim;x=a\nb;x=\0;x\r\ny=z;x =y;=y;x:y=z";

#[bulkhead::handler]
fn smuggle() -> Vec<String> {
    let fields = FIELDS.split(';').filter_map(|field| field.split_once('='));
    let taken = fields.filter(|(name, value)| Fields::new().append(name, value.as_bytes()).is_ok());
    let mut taken: Vec<_> = taken.map(|(name, value)| format!("{name:?}: {value:?}")).collect();
    let request = OutgoingRequest::new(Fields::new());
    let mut look = |what: &str, set: Result<(), ()>| {
        if set.is_ok() {
            taken.push(what.to_owned());
        }
    };
    look("method", request.set_method(&Method::Other("GET / HTTP/1.1\r\nx:".into())));
    look("path", request.set_path_with_query(Some("/ HTTP/1.1\r\nhost: victim")));
    look("authority", request.set_authority(Some("api.example.com\r\nx: y")));
    taken
}

fn main() {}
