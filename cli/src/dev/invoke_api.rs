//! Lambda's Invoke API, as the AWS CLI and SDKs use it.
//!
//! May use: console, functions, http, records, state.

mod answer;
mod request;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hyper::StatusCode;
use hyper::header::HeaderValue;

use crate::dev::console;
use crate::dev::functions::call::{self, Call};
use crate::dev::functions::function::Function;
use crate::dev::http::budget::Budget;
use crate::dev::http::refusal::Refusal;
use crate::dev::records::Way;
use crate::dev::state::AppState;
use crate::local::Answer;
use request::{Invocation, InvocationType};

/// The most bytes of events in flight, including those that wait for a permit or for a build.
const ON_THEIR_WAY: usize = 256 * 1024 * 1024;

/// The versions of the two calls. Both calls exist in both versions.
const VERSIONS: [&str; 2] = ["/2015-03-31", "/2021-11-15"];

/// The state of these calls.
#[derive(Debug)]
struct InvokeApi {
    state: Arc<AppState>,
    budget: Budget,
}

/// How the caller gets the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResponseMode {
    Buffered,
    Streaming,
}

/// The routes of these calls.
pub(super) fn router(state: Arc<AppState>) -> Router {
    let api = Arc::new(InvokeApi { state, budget: Budget::new(ON_THEIR_WAY) });
    let router = VERSIONS.iter().fold(Router::new(), |router, version| {
        let function = format!("{version}/functions/{{name}}");
        router
            .route(&format!("{function}/invocations"), post(invoke))
            .route(&format!("{function}/response-streaming-invocations"), post(invoke_with_response_stream))
    });
    router.with_state(api)
}

async fn invoke(
    State(api): State<Arc<InvokeApi>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    api.answer(&name, ResponseMode::Buffered, request).await
}

async fn invoke_with_response_stream(
    State(api): State<Arc<InvokeApi>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    api.answer(&name, ResponseMode::Streaming, request).await
}

impl InvokeApi {
    async fn answer(&self, name: &str, mode: ResponseMode, request: Request) -> Result<Response, Refusal> {
        // A request that waits for the first build is charged for, too.
        let charge = self.budget.charge()?;
        self.state.status.first_build().await;
        let request_id = self.state.request_ids.next();
        let answer = async {
            let function = self.state.functions.find(name, request.uri().query())?;
            let invocation = Invocation::read(request, charge).await?;
            respond(&function, &request_id, invocation, mode).await
        };
        let mut response = answer.await.into_response();
        if let Ok(request_id) = HeaderValue::try_from(request_id) {
            response.headers_mut().insert("x-amzn-requestid", request_id);
        }
        Ok(response)
    }
}

async fn respond(
    function: &Arc<Function>,
    request_id: &str,
    invocation: Invocation,
    mode: ResponseMode,
) -> Result<Response, Refusal> {
    let Invocation { invocation_type, event, wants_log } = invocation;
    let call = |way| Call { request_id: request_id.to_owned(), way, event };
    match invocation_type {
        InvocationType::DryRun => Ok(empty(StatusCode::NO_CONTENT)),
        InvocationType::Event => {
            tokio::spawn(invoke_async(Arc::clone(function), call(Way::Event)));
            Ok(empty(StatusCode::ACCEPTED))
        }
        InvocationType::RequestResponse => {
            let slot = function.try_slot().ok_or(Refusal::TooMany)?;
            let records = wants_log.then(|| Arc::clone(&function.shared));
            match mode {
                ResponseMode::Buffered => {
                    let reply = call::call(function, call(Way::RequestResponse), slot).await;
                    Ok(answer::whole(reply, records, request_id).await)
                }
                ResponseMode::Streaming => {
                    let reply = call::call(function, call(Way::ResponseStream), slot).await;
                    Ok(stream::streamed(reply, records, request_id))
                }
            }
        }
    }
}

/// Handles an asynchronous invocation, and retries it at once if it fails. Lambda waits for minutes before it
/// retries.
async fn invoke_async(function: Arc<Function>, call: Call) {
    let retries = function.shared.event_retries;
    for retry in 1..=retries + 1 {
        let Some(slot) = function.slot().await else { return };
        let answer = call::call(&function, call.clone(), slot).await.collect().await;
        if retry > retries || matches!(answer, Answer::Replied(_)) {
            return;
        }
        // The retry has the same request id, so the log of this try must be complete before it.
        function.shared.records.complete(&call.request_id).await;
        console::tell(&function.name, &format!("an Event failed; retry {retry} of {retries}"));
    }
}

fn empty(status: StatusCode) -> Response {
    let mut response = status.into_response();
    answer::version(&mut response);
    response
}
