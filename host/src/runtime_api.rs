//! The client of the Lambda Runtime API: gets events, and posts their results.
//!
//! It handles paths, headers and statuses (sections 1 to 5 of `docs/runtime-api.md`), and does not depend on
//! sandboxes. Bytes travel over one keep-alive [`connection`]; [`crate::runtime_api::invocation`] interprets an
//! event's headers.
//!
//! The room also owns the body of an error ([`ErrorReport`]) and SIGTERM ([`shutdown`]).
//!
//! May use: text, http1, log.

mod connection;
mod endpoint;
mod error_report;
pub mod extension;
pub mod invocation;
mod reply;
mod request;
pub mod shutdown;
mod streamed;
mod wire;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue, InvalidHeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use connection::ConnectionError;
use connection::{Connection, Exchange};
pub use endpoint::{Endpoint, EndpointError};
pub use error_report::ErrorReport;
use reply::Reply;
use request::{Head, Request};
use shutdown::Stop;
pub use streamed::{Sending, Streamed, streamed};

pub use crate::http1::Headers;

/// The value for the platform's parser of runtime releases (R1.5).
const AGENT: &str = concat!("bulkhead/", env!("CARGO_PKG_VERSION"));
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const XRAY_CAUSE: &str = "lambda-runtime-function-xray-error-cause";
const JSON: &str = "application/json";
const RESPONSE: &str = "POST /runtime/invocation/{id}/response";
/// The states that the API cannot leave any more (R2.8, R3.2).
const DEAD_ENDS: [&str; 2] = ["InvalidFunctionResponseMode", "TruncatedHTTPRequest"];
/// How long the rest of an event may take that has begun to arrive when the process is asked to stop.
const REST_OF_EVENT: Duration = Duration::from_millis(100);
/// Characters with a meaning in a URL are escaped; the rest of an id stays readable (R1.9).
const ID: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An event as received: its headers and its bytes.
#[derive(Debug)]
pub struct NextEvent {
    /// The API's data about the event.
    pub headers: Headers,
    /// The event itself.
    pub body: Bytes,
}

/// The invocation that an answer belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvocationId {
    /// `Lambda-Runtime-Aws-Request-Id`, which is equal for every attempt.
    pub request_id: Arc<str>,
    /// `Lambda-Runtime-Invocation-Id`: one attempt. Sent back byte for byte (R2.5).
    pub attempt: Option<HeaderValue>,
}

/// The API's reply to an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Posted {
    /// The answer was accepted (any 2xx: emulators return 200, R3.1).
    Accepted,
    /// The answer was refused, but the next event can be requested (R3.2).
    Refused {
        /// 400, 403, 410, 413, 431, ….
        status: StatusCode,
        /// The body, which contains the reason.
        reason: String,
    },
    /// The connection ended, or the answer was refused, after a part of it was sent. There is no other answer, and the event may be
    /// delivered again (R2.7).
    Incomplete,
}

/// The answer to an event: a whole response, or an error report.
pub type Answer = Result<Vec<u8>, ErrorReport>;

/// The Runtime API can no longer be used; the process must end, so that it is replaced.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The address cannot be reached, or the connection broke more than once.
    #[error("{call}: no answer from the Runtime API")]
    Connection {
        /// The call that failed.
        call: &'static str,
        /// The error of the connection.
        #[source]
        source: ConnectionError,
    },
    /// A status after which the API's state is unknown or broken (R2.6, R2.8, R3.2).
    #[error("{call}: the Runtime API answered {status}: {reason}")]
    Status {
        /// The call that was refused.
        call: &'static str,
        /// The status.
        status: StatusCode,
        /// The body, which contains the reason.
        reason: String,
    },
    /// A value is not valid in a header.
    #[error("{call}: the request could not be made")]
    Request {
        /// The call that could not be made.
        call: &'static str,
        /// The reason.
        #[source]
        source: InvalidHeaderValue,
    },
}

/// A response that was sent, and to which the API has not replied yet. If it is dropped, so is its connection.
#[derive(Debug)]
pub struct Sent {
    exchange: Exchange,
    /// Sent again if the API has closed the connection meanwhile.
    request: Request,
}

/// A client of the Runtime API.
#[derive(Debug)]
pub struct RuntimeApi {
    endpoint: Endpoint,
    connection: Connection,
    /// The request for the next event, which is always the same.
    next: Request,
}

impl RuntimeApi {
    /// A client that connects at its first call.
    pub fn new(endpoint: Endpoint) -> Self {
        let next = head(&endpoint, "GET", "invocation/next").without_body();
        Self { connection: Connection::new(endpoint.authority.clone()), next, endpoint }
    }

    /// Another client of the same API, with a connection of its own.
    pub fn another(&self) -> Self {
        Self::new(self.endpoint.clone())
    }

    /// Connects before the first call. An error is reported by that call.
    pub async fn connect(&mut self) {
        self.connection.open().await;
    }

    /// Closes the connection. The next call makes another one.
    pub fn disconnect(&mut self) {
        self.connection.close();
    }

    /// Waits for the next event, without a time limit (R1.6): the environment may be frozen meanwhile. The event may have
    /// been [requested already](Self::send_response).
    ///
    /// After the stop, no event is requested: the result is `None`. An event that has begun to arrive is read to its end, if that
    /// does not take long.
    ///
    /// # Errors
    /// If the API is gone, or returns anything but 200 and 204 (R2.6).
    pub async fn next(&mut self, stop: &mut Stop) -> Result<Option<NextEvent>, ApiError> {
        const CALL: &str = "GET /runtime/invocation/next";
        loop {
            let reply = self.reply_to_next(stop).await;
            let reply = reply.map_err(|source| ApiError::Connection { call: CALL, source })?;
            let Some(reply) = reply else { return Ok(None) };
            match reply.status {
                StatusCode::OK => {
                    return Ok(Some(NextEvent { headers: reply.headers, body: reply.body }));
                }
                // Some emulators return this instead of holding the call when there is no event. The pause
                // keeps an emulator that returns it immediately from using a whole processor.
                StatusCode::NO_CONTENT => tokio::time::sleep(Duration::from_millis(10)).await,
                status => {
                    return Err(ApiError::Status { call: CALL, status, reason: reply.reason() });
                }
            }
        }
    }

    async fn reply_to_next(&mut self, stop: &mut Stop) -> Result<Option<Reply>, ConnectionError> {
        loop {
            let mut requested = match self.connection.second() {
                Some(requested) => requested,
                None if stop.is_requested() => return Ok(None),
                None => tokio::select! {
                    biased;
                    requested = self.connection.begin(&self.next, None) => requested?,
                    () = stop.requested() => return Ok(None),
                },
            };
            tokio::select! {
                biased;
                () = requested.begins_to_arrive() => {}
                () = stop.requested() => {
                    if !requested.has_begun_to_arrive() {
                        return Ok(None);
                    }
                }
            }
            let late = async {
                stop.requested().await;
                tokio::time::sleep(REST_OF_EVENT).await;
            };
            tokio::select! {
                biased;
                reply = self.connection.try_finish(requested, &self.next) => {
                    if let Some(reply) = reply? {
                        return Ok(Some(reply));
                    }
                }
                () = late => return Ok(None),
            }
        }
    }

    /// Whether the next event was [requested already](Self::send_response), on a connection that is still open.
    pub fn has_requested_next(&self) -> bool {
        self.connection.has_second()
    }

    /// Sends the response of an invocation. The API's reply is read by [`Self::posted`].
    ///
    /// If `and_next` is set, the [next event](Self::next) is requested in the same write. From then on, the environment may be
    /// frozen, if it handles one event at a time.
    ///
    /// # Errors
    /// If the API is gone.
    pub async fn send_response(
        &mut self,
        id: &InvocationId,
        body: Bytes,
        and_next: bool,
    ) -> Result<Sent, ApiError> {
        let request = self.answer(id, "response").with("content-type", JSON).with_body(body);
        let next = and_next.then_some(&self.next);
        let began = self.connection.begin(&request, next).await;
        let exchange = began.map_err(|source| ApiError::Connection { call: RESPONSE, source })?;
        Ok(Sent { exchange, request })
    }

    /// Waits for the API's reply to a response.
    ///
    /// # Errors
    /// If the API is gone, or the invocation is in a state that only a new process can leave.
    pub async fn posted(&mut self, Sent { exchange, request }: Sent) -> Result<Posted, ApiError> {
        let reply = self.connection.finish(exchange, &request).await;
        Self::judged(RESPONSE, &reply.map_err(|source| ApiError::Connection { call: RESPONSE, source })?)
    }

    /// Posts that an invocation failed.
    ///
    /// After a 413, one shorter report is sent, since the caller would otherwise wait in vain (R4.8).
    ///
    /// # Errors
    /// When the API is gone, or the invocation is in a state that only a new process can leave.
    pub async fn report_error(
        &mut self,
        id: &InvocationId,
        report: &ErrorReport,
    ) -> Result<Posted, ApiError> {
        const CALL: &str = "POST /runtime/invocation/{id}/error";
        let request = with_report(self.answer(id, "error"), report)
            .map_err(|source| ApiError::Request { call: CALL, source })?;
        let posted = self.post(CALL, request).await?;
        if !matches!(posted, Posted::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, .. }) {
            return Ok(posted);
        }
        let shorter = with_report(self.answer(id, "error"), &report.shortest())
            .map_err(|source| ApiError::Request { call: CALL, source })?;
        self.post(CALL, shorter).await
    }

    /// Posts that the handler could not be started (R5.1).
    ///
    /// # Errors
    /// When the API is gone.
    pub async fn report_init_error(&mut self, report: &ErrorReport) -> Result<Posted, ApiError> {
        const CALL: &str = "POST /runtime/init/error";
        let request = with_report(self.request("POST", "init/error"), report)
            .map_err(|source| ApiError::Request { call: CALL, source })?;
        self.post(CALL, request).await
    }

    /// Requests the snapshot, and waits until this process is a copy of it (R6.2).
    ///
    /// # Errors
    /// When the API is gone, or answers anything but success (R6.3).
    pub async fn next_restore(&mut self) -> Result<(), ApiError> {
        const CALL: &str = "GET /runtime/restore/next";
        let reply = self.send(CALL, self.request("GET", "restore/next").without_body()).await?;
        if reply.status.is_success() {
            return Ok(());
        }
        Err(ApiError::Status { call: CALL, status: reply.status, reason: reply.reason() })
    }

    /// Posts that the copy of a snapshot cannot be used (R6.3).
    ///
    /// # Errors
    /// When the API is gone.
    pub async fn report_restore_error(&mut self, report: &ErrorReport) -> Result<Posted, ApiError> {
        const CALL: &str = "POST /runtime/restore/error";
        let request = with_report(self.request("POST", "restore/error"), report)
            .map_err(|source| ApiError::Request { call: CALL, source })?;
        self.post(CALL, request).await
    }

    fn request(&self, method: &str, path: impl Display) -> Head {
        head(&self.endpoint, method, path)
    }

    fn answer(&self, id: &InvocationId, kind: &str) -> Head {
        let request_id = utf8_percent_encode(&id.request_id, ID);
        let head = self.request("POST", format_args!("invocation/{request_id}/{kind}"));
        match &id.attempt {
            Some(attempt) => head.with_value(INVOCATION_ID, attempt),
            None => head,
        }
    }

    async fn post(&mut self, call: &'static str, request: Request) -> Result<Posted, ApiError> {
        let reply = self.send(call, request).await?;
        Self::judged(call, &reply)
    }

    /// The meaning of the reply to an answer.
    fn judged(call: &'static str, reply: &Reply) -> Result<Posted, ApiError> {
        if reply.status.is_success() {
            return Ok(Posted::Accepted);
        }
        let (status, reason) = (reply.status, reply.reason());
        if status.is_server_error() || DEAD_ENDS.iter().any(|error| reason.contains(error)) {
            return Err(ApiError::Status { call, status, reason });
        }
        Ok(Posted::Refused { status, reason })
    }

    async fn send(&mut self, call: &'static str, request: Request) -> Result<Reply, ApiError> {
        self.connection.send(&request).await.map_err(|source| ApiError::Connection { call, source })
    }
}

fn head(endpoint: &Endpoint, method: &str, path: impl Display) -> Head {
    Head::new(method, endpoint, format_args!("/2018-06-01/runtime/{path}")).with("user-agent", AGENT)
}

fn with_report(head: Head, report: &ErrorReport) -> Result<Request, InvalidHeaderValue> {
    let head = head
        .with("content-type", JSON)
        .with_value(ERROR_TYPE.as_str(), &HeaderValue::from_str(report.header_type())?)
        .with_value(XRAY_CAUSE, &HeaderValue::from_str(&report.xray_cause())?);
    Ok(head.with_body(report.body().into()))
}

#[cfg(test)]
mod tests;
