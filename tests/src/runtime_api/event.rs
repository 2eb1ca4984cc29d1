//! What goes over the wire: events on the way out, answers and other requests on the way in.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::QueuedEvent;
use crate::http::{Headers, find};

const REQUEST_ID: &str = "Lambda-Runtime-Aws-Request-Id";
const DEADLINE: &str = "Lambda-Runtime-Deadline-Ms";

/// An event, with the headers that Lambda sends, ready to be changed.
#[derive(Debug, Clone)]
pub struct Event {
    /// The event itself.
    pub body: Vec<u8>,
    /// Headers as they are written, in this order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The deadline, counted from the delivery; unless `headers` names one.
    pub deadline: Option<Duration>,
    /// How the event is written.
    pub delivery: Delivery,
    /// What the coming posts for this event are answered with; 202 where nothing is left.
    pub replies: VecDeque<Reply>,
}

/// How an event is written to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Whole, and the connection stays open.
    Whole,
    /// Whole, with `Connection: close`, and the connection is closed.
    ThenClose,
    /// Whole, but the connection is closed without a word about it.
    ThenDrop,
    /// The connection is closed after so many bytes of the body, the first time; then whole.
    CutOnce(usize),
}

/// What a post is answered with.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) delay: Duration,
    pub(super) settles: bool,
    pub(super) ends: Ends,
}

/// What happens to the connection around a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Keeps,
    Closes,
    ClosesUnanswered,
}

impl Reply {
    /// A status with a body as Lambda words it. The event counts as answered.
    pub fn status(status: u16) -> Self {
        let error_type = match status {
            200..300 => None,
            400 => Some("InvalidRequestID"),
            403 => Some("InvalidStateTransition"),
            410 => Some("InvokeTimeout"),
            413 => Some("RequestEntityTooLarge"),
            _ => Some("InternalServerError"),
        };
        let body = error_type.map_or_else(
            || r#"{"status":"OK"}"#.to_owned(),
            |error_type| format!(r#"{{"errorMessage":"scripted","errorType":"{error_type}"}}"#),
        );
        Self { status, body, delay: Duration::ZERO, settles: true, ends: Ends::Keeps }
    }

    /// No reply at all: the connection is closed once the post has been read, and the event stays unanswered.
    pub fn hang_up() -> Self {
        Self { settles: false, ends: Ends::ClosesUnanswered, ..Self::status(202) }
    }

    /// Another `errorType` in the body.
    pub fn error_type(mut self, error_type: &str) -> Self {
        self.body = format!(r#"{{"errorMessage":"scripted","errorType":"{error_type}"}}"#);
        self
    }

    /// The event counts as unanswered after this reply.
    pub fn leaves_open(mut self) -> Self {
        self.settles = false;
        self
    }

    /// The reply comes only after this time.
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The connection is closed after the reply.
    pub fn closes(mut self) -> Self {
        self.ends = Ends::Closes;
        self
    }
}

impl Event {
    /// An event with this JSON text, an id of its own, and all of Lambda's usual headers.
    pub fn json(text: impl AsRef<str>) -> Self {
        Self::bytes(text.as_ref().as_bytes())
    }

    /// The same with any bytes.
    pub fn bytes(body: impl Into<Vec<u8>>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let arn = b"arn:aws:lambda:eu-central-1:123456789012:function:tested:live";
        let trace = format!("Root=1-5bef4de7-{count:024x};Parent=9a9197af755a6419;Sampled=1");
        let headers = vec![
            (REQUEST_ID.to_owned(), format!("8476a536-e9f4-11e8-9739-{count:012x}").into_bytes()),
            ("Lambda-Runtime-Invoked-Function-Arn".to_owned(), arn.to_vec()),
            ("Lambda-Runtime-Trace-Id".to_owned(), trace.into_bytes()),
            ("Lambda-Runtime-Invocation-Id".to_owned(), format!("attempt-{count:x}").into_bytes()),
            ("Content-Type".to_owned(), b"application/json".to_vec()),
        ];
        Self {
            body: body.into(),
            headers,
            deadline: Some(Duration::from_secs(60)),
            delivery: Delivery::Whole,
            replies: VecDeque::new(),
        }
    }

    /// With this header, in place of one of the same name.
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let mut event = self.without(name);
        event.headers.push((name.to_owned(), value.as_ref().to_vec()));
        event
    }

    /// Without the header of this name.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        if name.eq_ignore_ascii_case(DEADLINE) {
            self.deadline = None;
        }
        self
    }

    /// With this request id.
    pub fn request_id(self, id: &str) -> Self {
        self.header(REQUEST_ID, id)
    }

    /// For this tenant.
    pub fn tenant(self, id: &str) -> Self {
        self.header("Lambda-Runtime-Aws-Tenant-Id", id)
    }

    /// With this client context, as JSON text.
    pub fn client_context(self, json: &str) -> Self {
        self.header("Lambda-Runtime-Client-Context", json)
    }

    /// With a deadline so long after the delivery.
    pub fn deadline_in(mut self, time: Duration) -> Self {
        self.deadline = Some(time);
        self
    }

    /// Written in this way.
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// The next post for this event is answered in this way; may be called several times.
    pub fn reply(mut self, reply: Reply) -> Self {
        self.replies.push_back(reply);
        self
    }

    /// The id that the answer's path must hold.
    pub fn id(&self) -> &[u8] {
        find(&self.headers, REQUEST_ID).unwrap_or_default()
    }

    pub(super) fn invocation_id(&self) -> Option<&[u8]> {
        find(&self.headers, "Lambda-Runtime-Invocation-Id")
    }

    /// The headers as they are sent now.
    pub(super) fn headers_now(&self) -> Headers {
        let mut headers = self.headers.clone();
        if let Some(time) = self.deadline.filter(|_| find(&headers, DEADLINE).is_none()) {
            let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970") + time;
            headers.push((DEADLINE.to_owned(), at.as_millis().to_string().into_bytes()));
        }
        headers
    }
}

/// Which of the two answers an event got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `POST …/response`
    Response,
    /// `POST …/error`
    Error,
}

/// The post that answered an event.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Response or error.
    pub kind: Kind,
    /// The post's headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The post's body.
    pub body: Vec<u8>,
    /// When the event was written.
    pub delivered: Instant,
    /// When the last byte of the post had been read.
    pub answered: Instant,
    pub(super) queued: QueuedEvent,
}

impl Answer {
    /// The first header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        find(&self.headers, name)
    }

    /// The body as text.
    ///
    /// # Panics
    /// Where it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("an answer in UTF-8")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("an answer in JSON, not {:?}: {error}", String::from_utf8_lossy(&self.body))
        })
    }

    /// The header that names the kind of error.
    pub fn error_type(&self) -> &str {
        let value = self.header("Lambda-Runtime-Function-Error-Type").unwrap_or_default();
        std::str::from_utf8(value).expect("an error type in ASCII")
    }
}

/// A request as it came in.
#[derive(Clone)]
pub struct SeenRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path as it was written, with prefix and escapes.
    pub path: String,
    /// The headers as they were written.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// Which connection it came on, counted from 1.
    pub connection: usize,
    /// When its last byte had been read.
    pub at: Instant,
}

impl SeenRequest {
    /// The first header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        find(&self.headers, name)
    }

    /// Whether this is a `/response` or an `/error` for an event.
    pub fn is_answer(&self) -> bool {
        self.path.contains("/runtime/invocation/") && self.method == "POST"
    }

    /// Whether this asks for an event.
    pub fn is_next(&self) -> bool {
        self.path.ends_with("/2018-06-01/runtime/invocation/next")
    }
}

impl std::fmt::Debug for SeenRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "#{} {} {}", self.connection, self.method, self.path)?;
        for (name, value) in &self.headers {
            let value = &value[..value.len().min(200)];
            write!(formatter, " [{name}: {}]", value.escape_ascii())?;
        }
        let start = &self.body[..self.body.len().min(300)];
        write!(formatter, " {} bytes: {}", self.body.len(), start.escape_ascii())
    }
}
