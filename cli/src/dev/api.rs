//! The port of the Invoke API, the Runtime API, and what there is to see of all events. What handlers answer to the web is not
//! here, but where `function_url` has it.

mod access;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::dev::function_url::{self, UrlAddress};
use crate::dev::functions::Functions;
use crate::dev::functions::call::RequestIds;
use crate::dev::functions::function::Function;
use crate::dev::http::budget::Budget;
use crate::dev::http::refusal::Refusal;
use crate::dev::http::request::{self, authority};
use crate::dev::http::response::{self, Body};
use crate::dev::invoke_api::{self, Reading};
use crate::dev::page::{self, Policies};
use crate::dev::records;
use crate::dev::status::StatusFeed;
use crate::local::runtime_api::{Caller, PREFIX, not_found};
pub(super) use access::Access;

/// Where the Runtime API of a function begins that is named.
const NAMED: &str = "/.rt/";

/// So many bytes of events are on their way at a time, those that wait for their turn or for a build among them.
pub(super) const ON_THEIR_WAY: usize = 256 * 1024 * 1024;

/// What answers requests.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) functions: Arc<Functions>,
    pub(super) status: Arc<StatusFeed>,
    /// The task root.
    pub(super) root: PathBuf,
    pub(super) access: Access,
    pub(super) policies: Policies,
    pub(super) ids: Arc<RequestIds>,
    /// Of events.
    pub(super) budget: Budget,
    /// Where function URLs are.
    pub(super) urls: UrlAddress,
    /// It can be reached from this machine alone, and so by names of this machine alone.
    pub(super) is_loopback: bool,
}

impl Api {
    pub(super) async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        if self.is_loopback && !is_of_this_machine(&request) {
            return function_url::foreign();
        }
        if !self.access.allows(&request) {
            let told = json!({ "message": "this is not for other sites of the web, nor for what a handler answers" });
            return response::json(StatusCode::FORBIDDEN, &told);
        }
        if let Some(response) = page::respond(self, &request).await {
            return response;
        }
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/.bulkhead/events" => return page::guarded(self.events()),
            "/.bulkhead/status" => return page::guarded(self.status()),
            _ if path.starts_with(function_url::PATH) => {
                return function_url::moved(&self.urls.moved(&request));
            }
            _ => {}
        }
        self.call(&path, request).await.unwrap_or_else(|refusal| refusal.response())
    }

    /// Who calls a function while the first build goes on has not come too early.
    async fn call(&self, path: &str, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        if let Some(call) = path.strip_prefix(PREFIX) {
            self.status.first_build().await;
            return Ok(self.runtime(self.functions.first(), None, call, request).await);
        }
        if let Some(rest) = path.strip_prefix(NAMED) {
            self.status.first_build().await;
            return Ok(self.named_runtime(rest, request).await);
        }
        if let Some((name, reading)) = invoked(path).filter(|_| request.method() == Method::POST) {
            let charge = self.budget.charge()?;
            self.status.first_build().await;
            let asked = invoke_api::Asked { name, reading, charge };
            return Ok(invoke_api::invoke(&self.functions, &self.ids, asked, request).await);
        }
        Ok(self.no_such_path(path))
    }

    /// `NAME/2018-06-01/…`, or `NAME/ENVIRONMENT/2018-06-01/…` for those that are ours.
    async fn named_runtime(&self, rest: &str, request: Request<Incoming>) -> Response<Body> {
        let Some((who, call)) = rest.split_once(PREFIX) else { return plain(not_found()) };
        let (name, environment) = match who.split_once('/') {
            Some((name, environment)) => (name, Some(environment)),
            None => (who, None),
        };
        self.runtime(self.functions.find(name, None).ok(), environment, call, request).await
    }

    async fn runtime(
        &self,
        function: Option<Arc<Function>>,
        environment: Option<&str>,
        call: &str,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let Some(function) = function else { return plain(not_found()) };
        let Some(environment) = function.environment(environment) else { return plain(not_found()) };
        let caller = Caller { events: &function.events, environment, function: &function.name };
        if call == "invocation/next" && request.method() == Method::GET {
            function.settle(environment).await;
            let (request_id, response) = caller.next().await;
            function.shared.records.deliver(&request_id, environment);
            return plain(response);
        }
        plain(caller.respond(call, request).await)
    }

    fn events(&self) -> Response<Body> {
        let newest = self.functions.shared.records.newest(records::SHOWN);
        response::json(StatusCode::OK, &newest)
    }

    fn status(&self) -> Response<Body> {
        let mut told = self.status.current().json(&self.functions.names());
        told["manifest"] = json!(self.functions.manifest());
        told["timeoutMs"] = json!(self.functions.timeout().as_millis());
        let urls = self.functions.names().into_iter().map(|name| (name.clone(), json!(self.urls.url(&name))));
        told["functionUrls"] = urls.collect::<serde_json::Map<_, _>>().into();
        response::json(StatusCode::OK, &told)
    }

    fn no_such_path(&self, path: &str) -> Response<Body> {
        let told = json!({ "message": format!("there is nothing at {path}; events go to \
            /2015-03-31/functions/NAME/invocations here, and requests to {}", self.urls.pattern()) });
        response::json(StatusCode::NOT_FOUND, &told)
    }
}

/// Whether a path is one of the Runtime API, for runtimes and nobody else.
pub(super) fn is_runtime_api(path: &str) -> bool {
    path.starts_with(PREFIX) || path.starts_with(NAMED)
}

/// The function that is to be called, and how the answer is read.
fn invoked(path: &str) -> Option<(&str, Reading)> {
    let rest = path
        .strip_prefix("/2015-03-31/functions/")
        .or_else(|| path.strip_prefix("/2021-11-15/functions/"))?;
    let (name, call) = rest.split_once('/')?;
    match call {
        "invocations" => Some((name, Reading::Whole)),
        "response-streaming-invocations" => Some((name, Reading::Streamed)),
        _ => None,
    }
}

/// A page of the web that made this machine's address its own would be told apart by the name it calls. Names below `localhost`
/// are those of functions.
fn is_of_this_machine(request: &Request<Incoming>) -> bool {
    match authority(request) {
        Some(named) => request::is_of_this_machine(named.host()),
        None => !request.headers().contains_key(HOST),
    }
}

fn plain(response: Response<Full<Bytes>>) -> Response<Body> {
    response.map(Body::Whole)
}
