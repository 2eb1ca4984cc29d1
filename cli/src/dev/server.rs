//! The one port: the Invoke API, function URLs, the Runtime API, and what there is to see of all events.

use std::convert::Infallible;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use super::board::Board;
use super::body::{self, Body};
use super::calls::RequestIds;
use super::function::Function;
use super::functions::Functions;
use super::invoke_api::{self, Reading};
use super::page::{self, Policies};
use super::visitor::Visitors;
use super::{function_url, records};
use crate::local::runtime_api::{Caller, PREFIX, not_found};

/// Where function URLs begin.
const FUNCTION_URL: &str = "/lambda-url/";

/// What answers requests.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) functions: Arc<Functions>,
    pub(super) board: Arc<Board>,
    /// The task root.
    pub(super) root: PathBuf,
    pub(super) visitors: Visitors,
    pub(super) policies: Policies,
    pub(super) ids: RequestIds,
    /// It can be reached from this machine alone, and so by names of this machine alone.
    pub(super) is_loopback: bool,
}

/// Who sent a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Answers on every connection until it is dropped.
pub(super) async fn serve(listener: TcpListener, server: Arc<Server>) {
    loop {
        // Out of descriptors, for example: others may be closed meanwhile.
        let Ok((stream, peer)) = listener.accept().await else { continue };
        // The frames of a stream are small, and somebody waits for each.
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(|mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer.ip()));
                let server = Arc::clone(&server);
                async move { Ok::<_, Infallible>(server.respond(request).await) }
            });
            // A connection that breaks is its client's to open again.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Server {
    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        if self.is_loopback && !is_of_this_machine(&request) {
            let told = json!({ "message": "this is for programs of this machine; call it localhost" });
            return body::told(StatusCode::FORBIDDEN, &told);
        }
        let path = request.uri().path().to_owned();
        // What a function URL lets in is its handler's business.
        if !path.starts_with(FUNCTION_URL) && !self.visitors.admit(&request) {
            let told = json!({ "message": "this is not for other sites of the web, nor for what a handler answers" });
            return body::told(StatusCode::FORBIDDEN, &told);
        }
        if let Some(response) = page::respond(self, &request).await {
            return response;
        }
        match path.as_str() {
            "/.bulkhead/events" => return self.events(),
            "/.bulkhead/status" => return self.status(),
            _ => {}
        }
        // Who calls a function while the first build goes on has not come too early.
        self.board.first().await;
        if let Some(call) = path.strip_prefix(PREFIX) {
            return self.runtime(self.functions.first(), None, call, request).await;
        }
        if let Some(rest) = path.strip_prefix("/.rt/") {
            return self.named_runtime(rest, request).await;
        }
        if let Some(rest) = path.strip_prefix(FUNCTION_URL) {
            let at = rest.find('/').unwrap_or(rest.len());
            let (name, path) = rest.split_at(at);
            let path = if path.is_empty() { "/" } else { path };
            return function_url::serve(&self.functions, &self.ids, (name, path), request).await;
        }
        if let Some((name, reading)) = invoked(&path).filter(|_| request.method() == Method::POST) {
            return invoke_api::invoke(&self.functions, &self.ids, name, reading, request).await;
        }
        no_such_path(&path)
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
        body::told(StatusCode::OK, &newest)
    }

    fn status(&self) -> Response<Body> {
        let mut told = self.board.told().json(&self.functions.names());
        told["manifest"] = json!(self.functions.manifest());
        told["timeoutMs"] = json!(self.functions.timeout().as_millis());
        body::told(StatusCode::OK, &told)
    }
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

/// A page of the web that made this machine's address its own would be told apart by the name it calls.
fn is_of_this_machine(request: &Request<Incoming>) -> bool {
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let Some(named) = named else { return true };
    let Ok(authority) = named.parse::<Authority>() else { return false };
    let host = authority.host();
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    is_address || host == "localhost" || host.ends_with(".localhost")
}

fn plain(response: Response<Full<Bytes>>) -> Response<Body> {
    response.map(Body::Whole)
}

fn no_such_path(path: &str) -> Response<Body> {
    let told = json!({ "message": format!("there is nothing at {path}; events go to \
        /2015-03-31/functions/NAME/invocations and requests to /lambda-url/NAME/") });
    body::told(StatusCode::NOT_FOUND, &told)
}
