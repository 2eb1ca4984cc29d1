//! The Runtime API, for the bootstraps that this command starts and for runtimes that you start yourself.
//!
//! May use: functions, http, state.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use hyper::Method;

use crate::dev::functions::function::Function;
use crate::dev::http::request::percent_decoded;
use crate::dev::state::AppState;
use crate::local::runtime_api::{Caller, PREFIX, not_found};

/// The start of paths of the Runtime API that name their function.
const NAMED: &str = "/.rt/";

/// The routes of these calls.
pub(super) fn router(state: Arc<AppState>) -> Router {
    Router::new()
        .route(&format!("{PREFIX}{{*call}}"), any(of_first))
        .route(&format!("{NAMED}{{*call}}"), any(of_named))
        .with_state(state)
}

/// Whether a path belongs to the Runtime API, which only runtimes may call.
pub(super) fn is_call(path: &str) -> bool {
    path.starts_with(PREFIX) || path.starts_with(NAMED)
}

/// A runtime that does not name its function gets the events of the first one.
async fn of_first(State(state): State<Arc<AppState>>, request: Request) -> Response {
    // A runtime may call before the first build has ended.
    state.status.first_build().await;
    let path = request.uri().path().to_owned();
    let call = path.strip_prefix(PREFIX).unwrap_or_default();
    respond(state.functions.first(), None, call, request).await
}

/// `NAME/2018-06-01/…`, or `NAME/ENVIRONMENT/2018-06-01/…` for an environment that this command started.
async fn of_named(State(state): State<Arc<AppState>>, request: Request) -> Response {
    state.status.first_build().await;
    let path = request.uri().path().to_owned();
    let Some((caller, call)) = path.strip_prefix(NAMED).and_then(|rest| rest.split_once(PREFIX)) else {
        return not_found().map(Body::new);
    };
    let (name, environment) = match caller.split_once('/') {
        Some((name, environment)) => (name, Some(environment)),
        None => (caller, None),
    };
    let function = state.functions.find(&percent_decoded(name), None).ok();
    respond(function, environment, call, request).await
}

async fn respond(
    function: Option<Arc<Function>>,
    environment: Option<&str>,
    call: &str,
    request: Request,
) -> Response {
    let found = function.and_then(|function| Some((function.environment(environment)?, function)));
    let Some((environment, function)) = found else { return not_found().map(Body::new) };
    let caller = Caller { events: &function.events, environment, function: &function.name };
    if call == "invocation/next" && request.method() == Method::GET {
        function.settle(environment).await;
        let (request_id, response) = caller.next().await;
        function.shared.records.deliver(&request_id, environment);
        return response.map(Body::new);
    }
    caller.respond(call, request).await.map(Body::new)
}
