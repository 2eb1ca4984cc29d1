//! The errors of Lambda's API for calls that reach no handler, so that SDKs raise the same exceptions as for
//! Lambda.

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde_json::json;

use super::response;
use crate::local::runtime_api::arn;

/// Why a call reaches no handler.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::dev) enum Refusal {
    #[error("Function not found: {}", arn(.0))]
    NoSuchFunction(String),
    #[error("Could not parse request body into json: {0}")]
    NotJson(String),
    #[error("Request must be smaller than {0} bytes for the InvokeFunction operation")]
    TooLarge(usize),
    #[error("Rate Exceeded.")]
    TooMany,
    #[error("Client context must be a valid Base64-encoded JSON object of at most 3583 bytes.")]
    ClientContext,
    #[error(
        "Value {0:?} at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: \
         [Event, RequestResponse, DryRun]"
    )]
    InvocationType(String),
    #[error("the request body is incomplete")]
    CutOff,
}

impl Refusal {
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoSuchFunction(_) => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
            Self::NotJson(_) | Self::CutOff => (StatusCode::BAD_REQUEST, "InvalidRequestContentException"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
            Self::ClientContext | Self::InvocationType(_) => {
                (StatusCode::BAD_REQUEST, "InvalidParameterValueException")
            }
        }
    }
}

/// The response to a caller of the Invoke API.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, kind) = self.kind();
        let message = self.to_string();
        let mut json = json!({ "Type": "User", "message": message, "Message": message });
        if self == Self::TooMany {
            json["Reason"] = "ReservedFunctionConcurrentInvocationLimitExceeded".into();
        }
        let mut response = response::json(status, &json);
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
        response
    }
}
