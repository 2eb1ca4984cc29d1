//! The port of the Invoke API, the Runtime API and the page: which requests are allowed, and which room
//! answers them. Function URLs are on another port (`function_url`).
//!
//! May use: function_url, http, invoke_api, page, runtime_api, state.

mod access;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::any;
use hyper::{StatusCode, Uri};
use serde_json::json;

use crate::dev::function_url::{self, UrlAddress};
use crate::dev::http::response;
use crate::dev::page::{self, Page};
use crate::dev::state::AppState;
use crate::dev::{invoke_api, runtime_api};
use access::Access;

/// The routes of this port.
pub(super) fn router(state: &Arc<AppState>, page: Page, urls: UrlAddress) -> Router {
    let access = Access { token: page.token.clone(), is_loopback: state.is_loopback };
    let nothing = move |uri: Uri| async move { nothing_at(uri.path(), urls) };
    let moved = move |request: Request| async move { function_url::moved(&urls.moved(&request)) };
    page::router(Arc::new(page))
        .merge(invoke_api::router(Arc::clone(state)))
        .merge(runtime_api::router(Arc::clone(state)))
        .route(function_url::PATH, any(moved))
        .route(&format!("{}{{*path}}", function_url::PATH), any(moved))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(from_fn_with_state(Arc::new(access), access::check))
}

fn nothing_at(path: &str, urls: UrlAddress) -> Response {
    let message = format!(
        "there is nothing at {path}; events go to /2015-03-31/functions/NAME/invocations here, and requests to {}",
        urls.pattern()
    );
    response::json(StatusCode::NOT_FOUND, &json!({ "message": message }))
}
