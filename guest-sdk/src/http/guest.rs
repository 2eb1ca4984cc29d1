//! The way of one request through a service: from WASI to the handler, and of the response back. The emitted
//! code calls this module.

use std::io::{self, ErrorKind, Read, Write};

use ::http::header::{CONTENT_TYPE, HeaderValue};
use ::http::{Request, Response, StatusCode};
use wasip2::http::types::{self, ErrorCode, IncomingRequest, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

use super::{FromBody, IncomingBody, IntoBody, OutgoingBody, head};
use crate::Diagnostic;
use crate::failure::Failure;

/// A request whose body was not read yet.
pub type Incoming = Request<IncomingBody>;

/// The outcome of a handler.
pub type Served = Result<Response<OutgoingBody>, Rejected>;

/// A request to which the handler gave no response.
#[derive(Debug)]
pub enum Rejected {
    /// The request does not have the expected form. The client gets this sentence.
    BadRequest(String),
    /// The handler failed. The failure is for the log only.
    Failed(Failure),
}

impl From<Failure> for Rejected {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Diagnostic> for Rejected {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Failed(diagnostic.into())
    }
}

/// The argument of a handler.
#[diagnostic::on_unimplemented(
    message = "an HTTP handler takes a request, not `{Self}`",
    label = "not a request",
    note = "use `bulkhead::http::Request<B>`"
)]
pub trait FromRequest: Sized {
    /// Reads the request.
    ///
    /// # Errors
    /// If the body does not have the expected form.
    fn from_request(incoming: Incoming) -> Result<Self, Rejected>;
}

impl<B: FromBody> FromRequest for Request<B> {
    fn from_request(incoming: Incoming) -> Result<Self, Rejected> {
        let (head, body) = incoming.into_parts();
        let body = B::from_body(body).map_err(Rejected::BadRequest)?;
        Ok(Self::from_parts(head, body))
    }
}

/// The value of a handler.
#[diagnostic::on_unimplemented(
    message = "an HTTP handler returns a response, not `{Self}`",
    label = "not a response",
    note = "return `bulkhead::http::Response<B>`, or a `Result` of one"
)]
pub trait IntoServed {
    /// The response.
    ///
    /// # Errors
    /// If its body cannot be made.
    fn into_served(self) -> Served;
}

impl<B: IntoBody> IntoServed for Response<B> {
    fn into_served(self) -> Served {
        let (mut head, body) = self.into_parts();
        head::content_type(&mut head, B::CONTENT_TYPE);
        let body = body.into_body().map_err(|error| Failure::from(Diagnostic::from(error)))?;
        Ok(Response::from_parts(head, body))
    }
}

/// Makes the argument of a handler.
///
/// # Errors
/// If the body does not have the expected form.
pub fn request<T: FromRequest>(incoming: Incoming) -> Result<T, Rejected> {
    T::from_request(incoming)
}

/// Makes the response from a handler's value.
///
/// # Errors
/// If its body cannot be made.
pub fn served<T: IntoServed>(value: T) -> Served {
    value.into_served()
}

/// Lets `handle` answer a request of the host.
#[expect(clippy::print_stderr, reason = "stderr is the log")]
pub fn serve(request: &IncomingRequest, out: ResponseOutparam, handle: fn(Incoming) -> Served) {
    let is_head = matches!(request.method(), types::Method::Head);
    let response = answer(incoming(request).and_then(handle));
    if let Err(error) = send(response, is_head, out) {
        eprintln!("the response was not sent: {error}");
    }
}

fn incoming(request: &IncomingRequest) -> Result<Incoming, Rejected> {
    let head = head::request(request).map_err(Rejected::BadRequest)?;
    let taken =
        request.consume().and_then(|body| body.stream().map(|stream| Arriving { stream, _body: body }));
    // The host passes a request once, and with a body.
    let body = taken.map_or_else(|()| Vec::new().into(), IncomingBody::new);
    Ok(Request::from_parts(head, body))
}

/// The handler's response, or one that replaces it.
#[expect(clippy::print_stderr, reason = "stderr is the log")]
fn answer(served: Served) -> Response<OutgoingBody> {
    match served {
        Ok(response) => response,
        Err(Rejected::BadRequest(why)) => plain(StatusCode::BAD_REQUEST, why),
        Err(Rejected::Failed(failure)) => {
            eprintln!("{}: {}", failure.error_type, failure.error_message);
            failure.stack_trace.iter().for_each(|line| eprintln!("  {line}"));
            plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error".to_owned())
        }
    }
}

fn plain(status: StatusCode, text: String) -> Response<OutgoingBody> {
    let mut response = Response::new(OutgoingBody::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn send(response: Response<OutgoingBody>, is_head: bool, out: ResponseOutparam) -> io::Result<()> {
    let (head, body) = response.into_parts();
    let fields = match head::headers(&head) {
        Ok(fields) => fields,
        Err(why) => {
            // The host answers 500 by itself; another response of ours could fail in the same way.
            ResponseOutparam::set(out, Err(ErrorCode::InternalError(Some(why.clone()))));
            return Err(io::Error::new(ErrorKind::InvalidInput, why));
        }
    };
    let response = OutgoingResponse::new(fields);
    let refused = |()| io::Error::other("the host did not accept the response");
    response.set_status_code(head.status.as_u16()).map_err(refused)?;
    if !head::has_body(is_head, head.status) {
        // A body must be as long as `content-length` says, so a body that is left out is not begun.
        ResponseOutparam::set(out, Ok(response));
        return Ok(());
    }
    let to = response.body().map_err(refused)?;
    ResponseOutparam::set(out, Ok(response));
    let mut leaving = Leaving(to.write().map_err(refused)?);
    body.write_to(&mut leaving)?;
    leaving.flush()?;
    drop(leaving);
    // Without this the host would not notice that the body is incomplete.
    types::OutgoingBody::finish(to, None).map_err(|code| io::Error::other(code.to_string()))
}

/// The incoming body of a request. The stream is dropped before its body, as WASI requires.
#[derive(Debug)]
struct Arriving {
    stream: InputStream,
    _body: types::IncomingBody,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.stream.blocking_read(buffer.len() as u64) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return bytes.as_slice().read(buffer),
                Err(StreamError::Closed) => return Ok(0),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(io::Error::other(error.to_debug_string()));
                }
            }
        }
    }
}

/// The outgoing body of a response.
#[derive(Debug)]
struct Leaving(OutputStream);

impl Write for Leaving {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            let room = usize::try_from(self.0.check_write().map_err(broken)?).unwrap_or(usize::MAX);
            if room > 0 {
                let now = &bytes[..bytes.len().min(room)];
                self.0.write(now).map_err(broken)?;
                return Ok(now.len());
            }
            self.0.subscribe().block();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.blocking_flush().map_err(broken)
    }
}

fn broken(error: StreamError) -> io::Error {
    match error {
        StreamError::Closed => {
            io::Error::new(ErrorKind::BrokenPipe, "the caller no longer reads the response")
        }
        StreamError::LastOperationFailed(error) => io::Error::other(error.to_debug_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Json;

    fn body(response: Response<OutgoingBody>) -> String {
        String::from_utf8(response.into_body().into_bytes().unwrap()).unwrap()
    }

    #[test]
    fn a_request_that_does_not_fit_is_the_clients_fault() {
        let incoming = Request::new(IncomingBody::from(b"\xff".to_vec()));
        let response = answer(request::<Request<String>>(incoming).map(|_| Response::new("".into())));
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
        assert!(body(response).starts_with("the body is not UTF-8"));
    }

    #[test]
    fn an_error_is_told_to_the_log_and_not_to_the_client() {
        let secret = Diagnostic { error_type: "Secret".into(), error_message: "password".into() };
        let response = answer(Err(secret.into()));
        assert_eq!(
            (response.status(), body(response)),
            (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error".to_owned())
        );
    }

    #[test]
    fn a_value_that_is_no_json_is_an_error() {
        let unwritable = Json(std::collections::BTreeMap::from([((), ())]));
        let Err(Rejected::Failed(failure)) = served(Response::new(unwritable)) else {
            panic!("it is no JSON")
        };
        assert_eq!(failure.error_message, "key must be a string");
    }

    #[test]
    fn json_says_what_it_is() {
        let response = answer(served(Response::new(Json(1))));
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(body(response), "1");
    }
}
