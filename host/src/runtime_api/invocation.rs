//! An event with its data, parsed once from the headers of `/next`.
//!
//! Headers are data from outside: bytes that may not be UTF-8, JSON that may not be valid. An invalid header
//! fails its own event only (O12.10, checklist 10). [`crate::sandbox`] makes a sandbox's context from it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::log::Scope;
use crate::runtime_api::{Headers, InvocationId, NextEvent};

/// The longest tenant id that is accepted; Lambda's own have at most 256 characters.
pub const MAX_TENANT_ID: usize = 1024;

/// One event on its way to a handler.
#[derive(Debug)]
pub struct Invocation {
    /// The target of the answer.
    pub id: InvocationId,
    /// The tenant; an empty header counts as missing (R2.3).
    pub tenant_id: Option<Arc<str>>,
    /// The event, byte for byte.
    pub event: Bytes,
    /// When Lambda's time limit of the event ends.
    pub deadline: Deadline,
}

/// When Lambda's time limit of an event ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// At this time.
    At(SystemTime),
    /// Unknown: the header was missing, not a number, or already past, as some emulators send it.
    Unknown {
        /// What is wrong with the header.
        reason: &'static str,
    },
}

/// Data of the caller and the platform about an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The ARN that the caller used.
    pub invoked_function_arn: String,
    /// The trace of the event.
    pub trace: Trace,
    /// The client context as a JSON object, without its `w3c` key.
    pub client_context: Option<String>,
    /// The Cognito identity.
    pub identity: Option<Identity>,
}

/// A position in a distributed trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// `Lambda-Runtime-Trace-Id`.
    pub xray: Option<String>,
    /// From the client context (X8.1).
    pub traceparent: Option<String>,
    /// From the client context.
    pub tracestate: Option<String>,
    /// From the client context.
    pub baggage: Option<String>,
}

/// A Cognito identity; a missing part is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The identity.
    #[serde(rename = "cognitoIdentityId", alias = "identityId")]
    pub identity_id: String,
    /// The pool that it belongs to.
    #[serde(rename = "cognitoIdentityPoolId", alias = "identityPoolId")]
    pub identity_pool_id: String,
}

/// The API sent an event that cannot be answered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an event came without Lambda-Runtime-Aws-Request-Id, so it cannot be answered")]
pub struct NoRequestId;

/// A header of one event is not valid.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Not a JSON object.
    #[error("Lambda-Runtime-Client-Context is not a JSON object: {0}")]
    ClientContext(#[source] serde_json::Error),
    /// Not a JSON object with two strings.
    #[error("Lambda-Runtime-Cognito-Identity is not a JSON object with the two ids as strings: {0}")]
    Identity(#[source] serde_json::Error),
    /// Too long to be an id.
    #[error("Lambda-Runtime-Aws-Tenant-Id has {0} bytes; a tenant id has at most {MAX_TENANT_ID}")]
    TenantId(usize),
}

impl Invocation {
    /// Reads the headers. The data of the caller and the platform is returned besides the invocation, or else
    /// the reason why it is not valid, which fails only this event.
    ///
    /// # Errors
    /// When the request id is missing.
    pub fn parse(
        next: NextEvent,
        now: SystemTime,
    ) -> Result<(Self, Result<Caller, ContextError>), NoRequestId> {
        let headers = &next.headers;
        let request_id = text(headers, "lambda-runtime-aws-request-id").ok_or(NoRequestId)?.into();
        let tenant_id: Option<Arc<str>> = text(headers, "lambda-runtime-aws-tenant-id").map(Arc::from);
        let too_long = tenant_id.as_ref().map(|id| id.len()).filter(|length| *length > MAX_TENANT_ID);
        let caller = match too_long {
            Some(length) => Err(ContextError::TenantId(length)),
            None => Caller::parse(headers),
        };
        let invocation = Self {
            id: InvocationId { request_id, attempt: headers.value("lambda-runtime-invocation-id") },
            deadline: Deadline::parse(text(headers, "lambda-runtime-deadline-ms").as_deref(), now),
            tenant_id: tenant_id.filter(|_| too_long.is_none()),
            event: next.body,
        };
        Ok((invocation, caller))
    }

    /// The subject of this event's log records.
    pub fn scope(&self) -> Scope {
        Scope { request_id: Some(self.id.request_id.clone()), tenant_id: self.tenant_id.clone() }
    }
}

impl Deadline {
    fn parse(header: Option<&str>, now: SystemTime) -> Self {
        let Some(header) = header else {
            return Self::Unknown { reason: "absent" };
        };
        let Ok(millis) = header.trim().parse::<u64>() else {
            return Self::Unknown { reason: "not a number of milliseconds" };
        };
        match UNIX_EPOCH.checked_add(Duration::from_millis(millis)) {
            Some(at) if at > now => Self::At(at),
            Some(_) => Self::Unknown { reason: "already past" },
            None => Self::Unknown { reason: "too far in the future" },
        }
    }
}

impl Caller {
    fn parse(headers: &Headers) -> Result<Self, ContextError> {
        let mut trace =
            Trace { xray: text(headers, "lambda-runtime-trace-id").map(Cow::into_owned), ..Trace::default() };
        let client_context = match text(headers, "lambda-runtime-client-context") {
            Some(json) => client_context(&json, &mut trace).map_err(ContextError::ClientContext)?,
            None => None,
        };
        let identity = match text(headers, "lambda-runtime-cognito-identity") {
            Some(json) => identity(&json).map_err(ContextError::Identity)?,
            None => None,
        };
        Ok(Self {
            invoked_function_arn: text(headers, "lambda-runtime-invoked-function-arn")
                .unwrap_or_default()
                .into_owned(),
            trace,
            client_context,
            identity: identity.filter(|identity| *identity != Identity::default()),
        })
    }
}

/// A header as text, if it exists and is not empty. Bytes that are not UTF-8 are replaced (R1.10).
fn text<'a>(headers: &'a Headers, name: &str) -> Option<Cow<'a, str>> {
    let value = headers.get(name)?;
    (!value.is_empty()).then(|| String::from_utf8_lossy(value))
}

fn identity(json: &str) -> Result<Option<Identity>, serde_json::Error> {
    // Through an object, because a struct could be read from an array too.
    let object: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(json)?;
    object.map(|object| serde_json::from_value(object.into())).transpose()
}

/// The client context without its key `w3c`, which goes into the trace (X8.1). Without such a key the text
/// stays unchanged, byte for byte.
fn client_context(header: &str, trace: &mut Trace) -> Result<Option<String>, serde_json::Error> {
    let json = decoded(header);
    let Some(mut object) = serde_json::from_str::<Option<BTreeMap<String, &RawValue>>>(&json)? else {
        return Ok(None);
    };
    let Some(w3c) = object.remove("w3c") else {
        return Ok(Some(json));
    };
    // Anything but an object, and any value but a string, counts as missing.
    let w3c: BTreeMap<String, serde_json::Value> = serde_json::from_str(w3c.get()).unwrap_or_default();
    let part = |key: &str| w3c.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    (trace.traceparent, trace.tracestate, trace.baggage) =
        (part("traceparent"), part("tracestate"), part("baggage"));
    serde_json::to_string(&object).map(Some)
}

/// The JSON text of a client context; one emulator passes it on in base64, as the caller sent it (M13.11).
fn decoded(header: &str) -> String {
    let encoded = (!header.trim_start().starts_with('{')).then(|| BASE64_STANDARD.decode(header.trim()));
    match encoded {
        Some(Ok(bytes)) => String::from_utf8(bytes).unwrap_or_else(|_| header.to_owned()),
        Some(Err(_)) | None => header.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = UNIX_EPOCH;

    fn parse(
        headers: &[(&'static str, &[u8])],
    ) -> Result<(Invocation, Result<Caller, ContextError>), NoRequestId> {
        let headers = headers.iter().map(|(name, value)| (*name, value.to_vec())).collect();
        Invocation::parse(NextEvent { headers, body: Bytes::from_static(b"{}") }, NOW)
    }

    fn caller(name: &'static str, value: &[u8]) -> Result<Caller, ContextError> {
        parse(&[("lambda-runtime-aws-request-id", b"r"), (name, value)]).expect("an invocation").1
    }

    #[test]
    fn r2_2_only_the_request_id_is_required() {
        let (invocation, caller) = parse(&[("lambda-runtime-aws-request-id", b"r-1")]).unwrap();
        assert_eq!(invocation.id, InvocationId { request_id: "r-1".into(), attempt: None });
        assert_eq!(invocation.tenant_id, None);
        assert_eq!(invocation.deadline, Deadline::Unknown { reason: "absent" });
        assert_eq!(caller.unwrap(), Caller::default());
        assert_eq!(parse(&[]).unwrap_err(), NoRequestId);
        assert_eq!(parse(&[("lambda-runtime-aws-request-id", b"")]).unwrap_err(), NoRequestId);
    }

    #[test]
    fn r2_5_the_invocation_id_keeps_its_bytes() {
        let invocation =
            parse(&[("lambda-runtime-aws-request-id", b"r"), ("lambda-runtime-invocation-id", b"\xff1")]);
        assert_eq!(invocation.unwrap().0.id.attempt.unwrap().as_bytes(), b"\xff1");
    }

    #[test]
    fn r2_3_empty_optional_headers_are_none() {
        for name in
            ["lambda-runtime-client-context", "lambda-runtime-cognito-identity", "lambda-runtime-trace-id"]
        {
            assert_eq!(caller(name, b"").unwrap(), Caller::default(), "{name}");
        }
        let invocation =
            parse(&[("lambda-runtime-aws-request-id", b"r"), ("lambda-runtime-aws-tenant-id", b"")]);
        assert_eq!(invocation.unwrap().0.tenant_id, None);
    }

    #[test]
    fn t8_3_a_tenant_id_may_be_any_text_up_to_a_length() {
        let tenant = |id: &[u8]| {
            parse(&[("lambda-runtime-aws-request-id", b"r"), ("lambda-runtime-aws-tenant-id", id)]).unwrap()
        };
        assert_eq!(tenant("../å b".as_bytes()).0.tenant_id.as_deref(), Some("../å b"));
        assert_eq!(tenant(b"\xff").0.tenant_id.as_deref(), Some("\u{fffd}"));
        let (long, caller) = tenant(&[b'a'; MAX_TENANT_ID + 1]);
        assert_eq!(long.tenant_id, None);
        assert!(matches!(caller, Err(ContextError::TenantId(length)) if length == MAX_TENANT_ID + 1));
    }

    #[test]
    fn deadlines_that_say_nothing_are_unknown() {
        let deadline = |header| Deadline::parse(header, UNIX_EPOCH + Duration::from_secs(3600));
        assert_eq!(deadline(Some("3600001")), Deadline::At(UNIX_EPOCH + Duration::from_millis(3_600_001)));
        for header in ["600000", "3600000", "-1", "soon", "1e9", "99999999999999999999999"] {
            assert!(matches!(deadline(Some(header)), Deadline::Unknown { .. }), "{header}");
        }
    }

    #[test]
    fn x8_1_w3c_moves_from_the_client_context_to_the_trace() {
        let header = br#"{"custom":{"n":1.10},"w3c":{"traceparent":"tp","tracestate":7,"other":"x"}}"#;
        let caller = caller("lambda-runtime-client-context", header).unwrap();
        assert_eq!(caller.client_context.as_deref(), Some(r#"{"custom":{"n":1.10}}"#));
        assert_eq!(caller.trace.traceparent.as_deref(), Some("tp"));
        assert_eq!(caller.trace.tracestate, None);
    }

    #[test]
    fn x8_1_a_w3c_that_is_no_object_is_empty() {
        let caller = caller("lambda-runtime-client-context", br#"{"w3c":"no"}"#).unwrap();
        assert_eq!((caller.client_context.as_deref(), caller.trace), (Some("{}"), Trace::default()));
    }

    #[test]
    fn a_client_context_is_passed_on_byte_for_byte() {
        let header = "{ \"custom\": {\"k\":\"ü\"} }";
        let caller = caller("lambda-runtime-client-context", header.as_bytes()).unwrap();
        assert_eq!(caller.client_context.as_deref(), Some(header));
    }

    #[test]
    fn m13_11_a_client_context_in_base64_is_decoded() {
        let caller = caller("lambda-runtime-client-context", b"eyJjdXN0b20iOnt9fQ==").unwrap();
        assert_eq!(caller.client_context.as_deref(), Some(r#"{"custom":{}}"#));
    }

    #[test]
    fn json_that_is_none_fails_the_event() {
        for header in [&b"{"[..], b"[]", b"\"text\"", b"\xff", b"eyJ"] {
            let error = caller("lambda-runtime-client-context", header).unwrap_err();
            assert!(error.to_string().contains("Lambda-Runtime-Client-Context"), "{error}");
        }
        for header in [&br#"{"cognitoIdentityId":1}"#[..], br#"["a","b"]"#, b"[]", b"7"] {
            let error = caller("lambda-runtime-cognito-identity", header).unwrap_err();
            assert!(error.to_string().contains("Lambda-Runtime-Cognito-Identity"), "{error}");
        }
    }

    #[test]
    fn an_identity_may_lack_parts() {
        let identity = |header| caller("lambda-runtime-cognito-identity", header).unwrap().identity;
        assert_eq!(identity(b"{}"), None);
        assert_eq!(identity(b"null"), None);
        let pool = identity(br#"{"cognitoIdentityPoolId":"pool"}"#).unwrap();
        assert_eq!((pool.identity_id.as_str(), pool.identity_pool_id.as_str()), ("", "pool"));
    }
}
