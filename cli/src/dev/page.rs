//! The page in the browser, and the data that it asks for.
//!
//! Its files lie beside this one and are served as they are: no build, no framework, and nothing from another
//! host.
//!
//! May use: function_url, http, records, state, status.

mod assets;
mod details;
mod grants;
mod policies;
mod stream;
mod suggestions;
mod tenants;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, State};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use bulkhead_host::config::StoreSettings;
use bulkhead_host::policy::manifest::store::StoreUrl;
use bulkhead_host::policy::manifest::{FILE, Manifest};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use serde_json::json;

use crate::dev::function_url::UrlAddress;
use crate::dev::http::response;
use crate::dev::records;
use crate::dev::state::AppState;
use crate::samples;
use crate::tenants::Lister;
pub(super) use assets::is_asset;
use grants::Editable;
use policies::Policies;

/// The path of the page.
pub(super) const PATH: &str = "/";

/// Headers of every response. The page cannot run a script from another host, and no script can turn text
/// into markup.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// The state of the page.
#[derive(Debug)]
pub(super) struct Page {
    /// Only a document in a window of its own can read the token, so a request that has it comes from our
    /// page.
    pub(super) token: String,
    state: Arc<AppState>,
    folders: Folders,
    urls: UrlAddress,
    policies: Policies,
    lister: Lister,
    /// The id of this process. A reader of the stream that comes from an earlier process starts anew.
    process: String,
}

/// The folders that the page shows.
#[derive(Debug)]
pub(super) struct Folders {
    /// The task root.
    pub(super) root: PathBuf,
    /// The folder in which you edit `bulkhead.toml`: the project, or the task root.
    pub(super) edited: PathBuf,
    /// What replaces values of `[store]`.
    pub(super) store: StoreSettings,
}

impl Folders {
    /// The `bulkhead.toml` of the version that runs, or a default one if it has mistakes.
    fn manifest(&self) -> Manifest {
        let mut manifest = Manifest::read(&self.root).ok().flatten().unwrap_or_default();
        if let Some(store) = &mut manifest.store {
            self.store.apply(store);
        }
        manifest
    }
}

impl Page {
    pub(super) fn new(state: Arc<AppState>, folders: Folders, urls: UrlAddress) -> anyhow::Result<Self> {
        let word = || getrandom::u64().context("the operating system returned no random numbers");
        let token = format!("{:016x}{:016x}", word()?, word()?);
        let process = format!("{:016x}", word()?);
        Ok(Self {
            token,
            state,
            folders,
            urls,
            policies: Policies::default(),
            lister: Lister::default(),
            process,
        })
    }

    /// The `bulkhead.toml` that you edit, as it is now. `None` if it has mistakes.
    fn editable(&self) -> Option<Editable> {
        let text = std::fs::read_to_string(self.folders.edited.join(FILE)).ok();
        Editable::new(text, self.state.functions.names())
    }
}

/// The routes of the page. Every response has its [`HEADERS`].
pub(super) fn router(page: Arc<Page>) -> Router {
    assets::router()
        .route("/.bulkhead/events", get(events))
        .route("/.bulkhead/events/{request_id}", get(details::serve))
        .route("/.bulkhead/policies", get(policies::serve))
        .route("/.bulkhead/samples", get(sample_names))
        .route("/.bulkhead/samples/{name}", get(sample))
        .route("/.bulkhead/status", get(status))
        .route("/.bulkhead/stream", get(stream::serve))
        .route("/.bulkhead/suggestions", get(suggestions::serve))
        .route("/.bulkhead/tenants", get(tenants::serve))
        .route_layer(map_response(guarded))
        .with_state(page)
}

async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn events(State(page): State<Arc<Page>>) -> Response {
    let newest = page.state.functions.shared.records.newest(records::SHOWN);
    response::json(StatusCode::OK, &newest)
}

async fn status(State(page): State<Arc<Page>>) -> Response {
    let functions = &page.state.functions;
    let names = functions.names();
    let mut status = page.state.status.current().json(&names);
    status["manifest"] = json!(functions.manifest());
    status["storeUrl"] = json!(page.folders.store.url.as_ref().map(StoreUrl::url));
    status["timeoutMs"] = json!(functions.timeout().as_millis());
    let urls = names.iter().map(|name| (name.clone(), json!(page.urls.url(name))));
    status["functionUrls"] = urls.collect::<serde_json::Map<_, _>>().into();
    response::json(StatusCode::OK, &status)
}

async fn sample_names() -> Response {
    response::json(StatusCode::OK, &samples::names())
}

async fn sample(Path(name): Path<String>) -> Response {
    match samples::get(&name) {
        Some(sample) => response::raw_json(StatusCode::OK, sample),
        None => {
            let message = format!("sample {name} not found");
            response::json(StatusCode::NOT_FOUND, &json!({ "message": message }))
        }
    }
}
