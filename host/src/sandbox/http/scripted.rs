//! The answer of a script that took its event as a request.

use super::service_error::ServiceError;
use super::{refuse, reply};
use crate::capabilities::response_stream;
use crate::capabilities::script_http::ScriptHttp;
use crate::policy::Policy;
use crate::sandbox::outcome::Outcome;

/// The outcome of a script that has returned.
pub(in crate::sandbox) async fn answer_of_script(
    asked: ScriptHttp,
    response: &response_stream::Response,
    policy: &Policy,
) -> wasmtime::Result<Outcome> {
    match asked {
        ScriptHttp::Refused(error) => refuse(error, response, policy).await,
        ScriptHttp::Collects(response) => {
            let body = response.body.take_all();
            let limit = policy.limits.response;
            let reply = reply(response.source, response.status, &response.headers, &body, limit);
            Ok(reply.unwrap_or_else(|error| Outcome::ServiceFailed(error.into())))
        }
        ScriptHttp::Streams => Ok(Outcome::Replied(Vec::new())),
        ScriptHttp::Closed | ScriptHttp::Event(_) | ScriptHttp::Taken { .. } => {
            Ok(Outcome::ServiceFailed(ServiceError::NoResponse))
        }
    }
}
