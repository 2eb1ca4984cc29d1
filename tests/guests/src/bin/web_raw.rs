//! An HTTP service without a library between: leaves its response as unfinished as the path says.
#![expect(clippy::expect_used, clippy::panic, reason = "it ends as it is asked to")]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Service;

impl Guest for Service {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let Some(path) = request.path_with_query().filter(|path| path != "/none") else { return };
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the body");
        ResponseOutparam::set(outparam, Ok(response));
        body.write().expect("a stream").blocking_write_and_flush(b"half").expect("write");
        match path.as_str() {
            "/dropped" => return,
            "/open" => return std::mem::forget(body),
            "/trap" => panic!("in the middle"),
            _ => {}
        }
        OutgoingBody::finish(body, None).expect("finish");
    }
}

wasip2::http::proxy::export!(Service);

fn main() {}
