//! The Lambda Runtime API as the host sees it: get an event, post what became of it.
//!
//! It knows paths, headers and statuses (RUNTIME_API R1–R5); it knows nothing of sandboxes. Bytes travel
//! over one keep-alive [`connection`]; what an event's headers mean is [`crate::runtime_api::invocation`]'s business.
//!
//! May use: text, log.

mod connection;
mod endpoint;
mod error_report;
pub mod extension;
mod headers;
pub mod invocation;
mod reply;
mod request;
pub mod shutdown;
mod streamed;
mod wire;

use std::fmt::Display;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue, InvalidHeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use connection::Connection;
pub use connection::ConnectionError;
pub use endpoint::{Endpoint, EndpointError};
pub use error_report::ErrorReport;
pub use headers::Headers;
use reply::Reply;
use request::{Head, Request};
pub use streamed::{Sending, Streamed, streamed};

/// What the platform's parser of runtime releases gets to see (R1.5).
const AGENT: &str = concat!("bulkhead/", env!("CARGO_PKG_VERSION"));
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const XRAY_CAUSE: &str = "lambda-runtime-function-xray-error-cause";
const JSON: &str = "application/json";
/// What the API calls states that it cannot leave any more (R2.8, R3.2).
const DEAD_ENDS: [&str; 2] = ["InvalidFunctionResponseMode", "TruncatedHTTPRequest"];
/// Everything that has a meaning in a URL is escaped; the rest of an id stays readable (R1.9).
const ID: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An event as it came: its headers and its bytes.
#[derive(Debug)]
pub struct NextEvent {
    /// What the API knows about the event.
    pub headers: Headers,
    /// The event itself.
    pub body: Bytes,
}

/// Which invocation an answer belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvocationId {
    /// `Lambda-Runtime-Aws-Request-Id`; the same for every attempt.
    pub request_id: String,
    /// `Lambda-Runtime-Invocation-Id`: one attempt. Sent back byte for byte (R2.5).
    pub attempt: Option<HeaderValue>,
}

/// What the API said to an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Posted {
    /// It took the answer (any 2xx: emulators say 200, R3.1).
    Accepted,
    /// It did not, and the next event can be asked for all the same (R3.2).
    Refused {
        /// 400, 403, 410, 413, 431, ….
        status: StatusCode,
        /// The body, which says why.
        reason: String,
    },
}

/// What an event is answered with: a whole response, or a report of what went wrong.
pub type Answer = Result<Vec<u8>, ErrorReport>;

/// There is no going on with this Runtime API; the process must end, so that it is replaced.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The address cannot be reached, or the connection broke more than once.
    #[error("{call}: no answer from the Runtime API")]
    Connection {
        /// The call that failed.
        call: &'static str,
        /// What happened to the connection.
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
        /// The body, which says why.
        reason: String,
    },
    /// Something that goes into a header cannot.
    #[error("{call}: the request could not be made")]
    Request {
        /// The call that could not be made.
        call: &'static str,
        /// What was wrong.
        #[source]
        source: InvalidHeaderValue,
    },
}

/// A client of the Runtime API.
#[derive(Debug)]
pub struct RuntimeApi {
    endpoint: Endpoint,
    connection: Connection,
}

impl RuntimeApi {
    /// A client that connects when it is first used.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { connection: Connection::new(endpoint.authority.clone()), endpoint }
    }

    /// Another client of the same API, with a connection of its own.
    pub fn another(&self) -> Self {
        Self::new(self.endpoint.clone())
    }

    /// Connects ahead of the first call. Whether that works is seen by the call.
    pub async fn connect(&mut self) {
        self.connection.open().await;
    }

    /// Gives the connection up. The next call makes another one.
    pub fn disconnect(&mut self) {
        self.connection.close();
    }

    /// Waits for the next event, without any time limit (R1.6): the environment may be frozen meanwhile.
    ///
    /// # Errors
    /// When the API is gone, or answers anything but 200 and 204 (R2.6).
    pub async fn next(&mut self) -> Result<NextEvent, ApiError> {
        const CALL: &str = "GET /runtime/invocation/next";
        loop {
            let reply = self.send(CALL, self.request("GET", "invocation/next").without_body()).await?;
            match reply.status {
                StatusCode::OK => {
                    return Ok(NextEvent { headers: reply.headers, body: reply.body });
                }
                // An emulator that has nothing to do says so in place of holding the call. The pause keeps
                // one that says so at once from costing a processor.
                StatusCode::NO_CONTENT => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                status => {
                    return Err(ApiError::Status { call: CALL, status, reason: reply.reason() });
                }
            }
        }
    }

    /// Posts the response of an invocation.
    ///
    /// # Errors
    /// When the API is gone, or the invocation is in a state that only a new process can leave.
    pub async fn respond(&mut self, id: &InvocationId, body: Bytes) -> Result<Posted, ApiError> {
        const CALL: &str = "POST /runtime/invocation/{id}/response";
        self.post(CALL, self.answer(id, "response").with("content-type", JSON).with_body(body)).await
    }

    /// Posts that an invocation failed.
    ///
    /// A 413 is answered by one shorter report, since the caller would wait in vain otherwise (R4.8).
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

    /// Has the snapshot taken, and waits until this process is a copy of it (R6.2).
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
        let path = format_args!("/2018-06-01/runtime/{path}");
        Head::new(method, &self.endpoint, path).with("user-agent", AGENT)
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
        Self::posted(call, &reply)
    }

    /// What became of an answer.
    fn posted(call: &'static str, reply: &Reply) -> Result<Posted, ApiError> {
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

fn with_report(head: Head, report: &ErrorReport) -> Result<Request, InvalidHeaderValue> {
    let head = head
        .with("content-type", JSON)
        .with_value(ERROR_TYPE.as_str(), &HeaderValue::from_str(report.header_type())?)
        .with_value(XRAY_CAUSE, &HeaderValue::from_str(&report.xray_cause())?);
    Ok(head.with_body(report.body().into()))
}
