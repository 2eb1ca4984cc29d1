//! The way of a request through `wasi:http`, and of its response back.

use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    self, ErrorCode, Fields, FutureIncomingResponse, IncomingBody, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use wasip2::io::error::Error as IoError;
use wasip2::io::streams::{InputStream, StreamError};

use super::Body;
use super::error::Reason;
use super::error_code;
use crate::executor::reactor::ready;

/// Limits of time, in the extensions of a request. `None`: only the limits of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Until there is a connection.
    pub(crate) connect: Option<Duration>,
    /// Until the first byte of the response, and from each byte to the next.
    pub(crate) read: Option<Duration>,
}

/// How much of a body is asked for at a time.
const PIECE: u64 = 64 * 1024;

/// Sends a request, and waits for the head of its response.
pub(super) async fn send(request: Request<Vec<u8>>) -> Result<Response<Body>, Reason> {
    if !cfg!(target_family = "wasm") {
        return Err(Reason::NoHost);
    }
    let (head, bytes) = request.into_parts();
    let outgoing = outgoing(&head.method, &head.uri, fields(&head.headers)?)?;
    let body = outgoing.body().map_err(|()| Reason::Invalid("it has no body".to_owned()))?;
    let options = head.extensions.get::<Timeouts>().map(|timeouts| options(*timeouts));
    let response = outgoing_handler::handle(outgoing, options).map_err(|code| failed(&code))?;
    // A server may answer before it has read everything, and then close the connection.
    let unsent = upload(body, &bytes).await.err();
    match arrived(response).await {
        Ok(response) => Ok(response),
        Err(reason) => Err(unsent.unwrap_or(reason)),
    }
}

fn outgoing(method: &Method, uri: &Uri, fields: Fields) -> Result<OutgoingRequest, Reason> {
    let invalid = |what: &str| Reason::Invalid(format!("its {what} is not valid"));
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        Some(other) => {
            let why = format!("its URL begins with `{other}:`, and only https:// and http:// can be sent");
            return Err(Reason::Invalid(why));
        }
        None => return Err(Reason::Invalid("its URL has no scheme, such as `https://`".to_owned())),
    };
    let authority = uri.authority().map(|authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = OutgoingRequest::new(fields);
    request.set_method(&wasi_method(method)).map_err(|()| invalid("method"))?;
    request.set_scheme(Some(&scheme)).map_err(|()| invalid("scheme"))?;
    request.set_authority(authority).map_err(|()| invalid("host"))?;
    request.set_path_with_query(Some(path)).map_err(|()| invalid("path"))?;
    Ok(request)
}

fn fields(headers: &::http::HeaderMap) -> Result<Fields, Reason> {
    let fields = Fields::new();
    for (name, value) in headers {
        fields.append(name.as_str(), value.as_bytes()).map_err(|error| {
            Reason::Invalid(format!("the header `{name}`: {}", error_code::of_header(&error)))
        })?;
    }
    Ok(fields)
}

fn wasi_method(method: &Method) -> types::Method {
    match method.as_str() {
        "GET" => types::Method::Get,
        "HEAD" => types::Method::Head,
        "POST" => types::Method::Post,
        "PUT" => types::Method::Put,
        "DELETE" => types::Method::Delete,
        "CONNECT" => types::Method::Connect,
        "OPTIONS" => types::Method::Options,
        "TRACE" => types::Method::Trace,
        "PATCH" => types::Method::Patch,
        other => types::Method::Other(other.to_owned()),
    }
}

/// A host that cannot limit a time ignores the limit.
fn options(Timeouts { connect, read }: Timeouts) -> RequestOptions {
    let nanoseconds =
        |limit: Option<Duration>| limit.map(|limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
    let options = RequestOptions::new();
    options.set_connect_timeout(nanoseconds(connect)).ok();
    options.set_first_byte_timeout(nanoseconds(read)).ok();
    options.set_between_bytes_timeout(nanoseconds(read)).ok();
    options
}

/// Sends the body.
async fn upload(body: OutgoingBody, mut bytes: &[u8]) -> Result<(), Reason> {
    if !bytes.is_empty() {
        // Dropped before its body, as WASI requires.
        let stream = body.write().map_err(|()| Reason::Body("the body cannot be sent".to_owned()))?;
        while !bytes.is_empty() {
            let room = usize::try_from(stream.check_write().map_err(broken)?).unwrap_or(usize::MAX);
            if room == 0 {
                ready(stream.subscribe()).await;
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(room));
            stream.write(now).map_err(broken)?;
            bytes = later;
        }
        stream.flush().map_err(broken)?;
        ready(stream.subscribe()).await;
    }
    OutgoingBody::finish(body, None).map_err(|code| failed(&code))
}

/// The head of the response, when it arrives.
async fn arrived(response: FutureIncomingResponse) -> Result<Response<Body>, Reason> {
    let incoming = loop {
        match response.get() {
            Some(Ok(Ok(incoming))) => break incoming,
            Some(Ok(Err(code))) => return Err(failed(&code)),
            Some(Err(())) => return Err(Reason::Body("the response was taken before".to_owned())),
            None => ready(response.subscribe()).await,
        }
    };
    let invalid = |what: String| Reason::Body(format!("the response has an invalid {what}"));
    let status = incoming.status();
    let body = incoming.consume().map_err(|()| Reason::Body("the response has no body".to_owned()))?;
    let stream = body.stream().map_err(|()| Reason::Body("the response has no body".to_owned()))?;
    let mut response = Response::new(Body::from(Arriving { stream, _body: body }));
    *response.status_mut() =
        StatusCode::from_u16(status).map_err(|_| invalid(format!("status, {status}")))?;
    for (name, value) in incoming.headers().entries() {
        let header = (HeaderName::try_from(&name), HeaderValue::try_from(value));
        let (Ok(key), Ok(value)) = header else { return Err(invalid(format!("header, `{name}`"))) };
        response.headers_mut().append(key, value);
    }
    Ok(response)
}

/// The body of a response. The stream is dropped before its body, as WASI requires.
#[derive(Debug)]
pub(crate) struct Arriving {
    stream: InputStream,
    _body: IncomingBody,
}

impl Arriving {
    /// The next bytes, when they arrive; `None` at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, String> {
        loop {
            match self.stream.read(PIECE) {
                Ok(bytes) if bytes.is_empty() => ready(self.stream.subscribe()).await,
                Ok(bytes) => return Ok(Some(bytes)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(format!("the body breaks off: {}", why(&error)));
                }
            }
        }
    }
}

fn broken(error: StreamError) -> Reason {
    Reason::Body(match error {
        StreamError::Closed => "the server no longer reads the request".to_owned(),
        StreamError::LastOperationFailed(error) => {
            format!("the request could not be sent in full: {}", why(&error))
        }
    })
}

/// Why a stream failed.
fn why(error: &IoError) -> String {
    match types::http_error_code(error) {
        Some(code) => error_code::sentence(&code),
        // The host's own words, without the causes below them.
        None => error.to_debug_string().lines().next().unwrap_or_default().to_owned(),
    }
}

fn failed(code: &ErrorCode) -> Reason {
    Reason::Failed { name: error_code::name(code), text: error_code::sentence(code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_itself() {
        for name in ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PURGE"]
        {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            let text = format!("{:?}", wasi_method(&method)).to_uppercase();
            assert!(text.contains(name), "{text}");
        }
    }
}
