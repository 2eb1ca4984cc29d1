//! Lambda's Invoke API, as the AWS CLI and SDKs speak it.

mod answer;
mod request;
mod stream;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

use crate::dev::console;
use crate::dev::functions::Functions;
use crate::dev::functions::call::{self, Call, RequestIds};
use crate::dev::functions::function::Function;
use crate::dev::http::budget::Charge;
use crate::dev::http::refusal::Refusal;
use crate::dev::http::response::Body;
use crate::dev::records::Way;
use crate::local::Answer;
use request::{Invocation, Kind};

/// How the caller reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Whole,
    Streamed,
}

/// What a caller asks for by its path.
#[derive(Debug)]
pub(super) struct Asked<'r> {
    /// The function.
    pub(super) name: &'r str,
    pub(super) reading: Reading,
    /// For the event.
    pub(super) charge: Charge,
}

/// Has an event handled.
pub(super) async fn invoke(
    functions: &Functions,
    ids: &RequestIds,
    Asked { name, reading, charge }: Asked<'_>,
    request: Request<Incoming>,
) -> Response<Body> {
    let request_id = ids.next();
    let answered = async {
        let function = functions.find(name, request.uri().query())?;
        let invocation = Invocation::read(request, charge).await?;
        respond(&function, &request_id, invocation, reading).await
    };
    let mut response = answered.await.unwrap_or_else(|refusal| refusal.response());
    if let Ok(request_id) = request_id.try_into() {
        response.headers_mut().insert("x-amzn-requestid", request_id);
    }
    response
}

async fn respond(
    function: &Arc<Function>,
    request_id: &str,
    invocation: Invocation,
    reading: Reading,
) -> Result<Response<Body>, Refusal> {
    let Invocation { kind, event, wants_log } = invocation;
    let call = |way| Call { request_id: request_id.to_owned(), way, event };
    match kind {
        Kind::DryRun => Ok(empty(StatusCode::NO_CONTENT)),
        Kind::Event => {
            tokio::spawn(unattended(Arc::clone(function), call(Way::Event)));
            Ok(empty(StatusCode::ACCEPTED))
        }
        Kind::RequestResponse => {
            let slot = function.try_slot().ok_or(Refusal::TooMany)?;
            let records = wants_log.then(|| Arc::clone(&function.shared));
            match reading {
                Reading::Whole => {
                    let reply = call::call(function, call(Way::RequestResponse), slot).await;
                    Ok(answer::whole(reply, records, request_id).await)
                }
                Reading::Streamed => {
                    let reply = call::call(function, call(Way::ResponseStream), slot).await;
                    Ok(stream::streamed(reply, records, request_id))
                }
            }
        }
    }
}

/// Has an event handled that nobody waits for, and again where it fails: at once, where Lambda waits for minutes.
async fn unattended(function: Arc<Function>, call: Call) {
    let retries = function.shared.event_retries;
    for retry in 1..=retries + 1 {
        let Some(slot) = function.slot().await else { return };
        let answer = call::call(&function, call.clone(), slot).await.collect().await;
        if retry > retries || matches!(answer, Answer::Replied(_)) {
            return;
        }
        // The next one has the same request id, so all that was printed has to be told before it.
        function.shared.records.complete(&call.request_id).await;
        console::tell(&function.name, &format!("an Event failed; retry {retry} of {retries}"));
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::whole(""));
    *response.status_mut() = status;
    answer::version(&mut response);
    response
}
