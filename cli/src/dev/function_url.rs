//! Function URLs: an HTTP request becomes an event of payload format 2.0, and a handler's response an HTTP
//! response.
//!
//! May use: console, functions, http, records, state.

mod address;
mod event;
mod handler_response;
mod json_members;
mod metadata_prelude;

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Request, StatusCode};
use serde_json::json;
use tokio::sync::mpsc::channel;

use crate::dev::console;
use crate::dev::functions::call::{self, Call};
use crate::dev::functions::function::Function;
use crate::dev::functions::host_label;
use crate::dev::http::budget::{Budget, Charge};
use crate::dev::http::refusal::Refusal;
use crate::dev::http::request::is_from_browser;
use crate::dev::http::request_body;
use crate::dev::http::response;
use crate::dev::records::Way;
use crate::dev::state::AppState;
use crate::local::Event;
use crate::local::events::{Piece, Reply, Stream};
use address::Target;
pub(super) use address::{PATH, UrlAddress};
use event::UrlRequest;

/// The largest body of a request, and the largest event that is made of one.
const LARGEST: usize = 6 * 1024 * 1024;

/// The most bytes of requests, events and responses in flight. Any web page may send requests.
const ON_THEIR_WAY: usize = 64 * 1024 * 1024;

/// The content type of a stream with a status and headers before its body (S7.5).
const WITH_PRELUDE: &str = "application/vnd.awslambda.http-integration-response";

/// The state of all function URLs.
#[derive(Debug)]
pub(super) struct Urls {
    state: Arc<AppState>,
    address: UrlAddress,
    budget: Budget,
}

impl Urls {
    pub(super) fn new(state: Arc<AppState>, address: UrlAddress) -> Self {
        Self { state, address, budget: Budget::new(ON_THEIR_WAY) }
    }

    pub(super) async fn respond(&self, request: Request<Incoming>) -> Response {
        self.answer(request).await.into_response()
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response, Refusal> {
        // A request that waits for the first build is charged for, too.
        let charge = self.budget.charge()?;
        let (function, path) = match Target::of(&request, self.state.is_loopback) {
            Target::ForeignHost => return Ok(response::foreign_host()),
            Target::Unknown => return Ok(self.unknown()),
            Target::Path { name, path } if is_from_browser(&request) => {
                return Ok(moved(&self.address.own_host(&request, &name, &path)));
            }
            Target::Path { name, path } => {
                self.state.status.first_build().await;
                (self.state.functions.find(&name, None)?, path)
            }
            Target::Label(label) => {
                self.state.status.first_build().await;
                (self.state.functions.labelled(&label)?, request.uri().path().to_owned())
            }
        };
        self.handle(&function, &path, request, charge).await
    }

    async fn handle(
        &self,
        function: &Arc<Function>,
        path: &str,
        request: Request<Incoming>,
        mut charge: Charge,
    ) -> Result<Response, Refusal> {
        let (head, body) = request.into_parts();
        let body = request_body::read(body, LARGEST, &mut charge).await?;
        let (request_id, label) = (self.state.request_ids.next(), host_label(&function.name));
        let port = self.address.0.port();
        let asked = UrlRequest { head: &head, path, label: &label, port, request_id: &request_id };
        let json = event::event(&asked, &body, LARGEST).ok_or(Refusal::TooLarge(LARGEST))?;
        drop(body);
        charge.reach(json.len())?;
        charge.shrink(json.len());
        let event = Event {
            body: charge.hold(json),
            tenant_id: head.headers.get("x-amz-tenant-id").cloned(),
            client_context: None,
            trace_id: head.headers.get("x-amzn-trace-id").cloned(),
        };
        let slot = function.try_slot().ok_or(Refusal::TooMany)?;
        let call = Call { request_id: request_id.clone(), way: Way::FunctionUrl, event };
        let mut response = match call::call(function, call, slot).await {
            Reply::Whole(payload) => self.whole(function, &payload),
            Reply::Streamed(stream) => streamed(stream).await,
            Reply::Failed(_) | Reply::NotStarted(_) => bad_gateway(),
        };
        if let Ok(request_id) = HeaderValue::try_from(request_id) {
            response.headers_mut().insert("x-amzn-requestid", request_id);
        }
        Ok(response)
    }

    /// A response is kept for a slow client as long as the budget allows it.
    fn whole(&self, function: &Function, payload: &Bytes) -> Response {
        let Some((head, body)) = handler_response::response(payload).map(Response::into_parts) else {
            return bad_gateway();
        };
        let Ok(body) = self.budget.hold(body) else {
            let waiting = bytesize::ByteSize(ON_THEIR_WAY as u64).display().iec();
            console::tell(
                &function.name,
                &format!(
                    "a response was dropped: {waiting} of other responses still wait for their clients to read them"
                ),
            );
            return bad_gateway();
        };
        Response::from_parts(head, Body::from(body))
    }

    fn unknown(&self) -> Response {
        let message =
            format!("no function has this host name; the URL of a function is {}", self.address.pattern());
        response::json(StatusCode::NOT_FOUND, &json!({ "message": message }))
    }
}

/// A temporary redirect: the port may be a different one the next time.
pub(super) fn moved(to: &str) -> Response {
    let message = format!("function URLs use a separate port; the URL of this function is {to}");
    let mut response = response::json(StatusCode::TEMPORARY_REDIRECT, &json!({ "message": message }));
    if let Ok(to) = HeaderValue::try_from(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

/// The response of a function URL to every failure. The reason is in the log.
fn bad_gateway() -> Response {
    response::text(StatusCode::BAD_GATEWAY, "Internal Server Error")
}

/// The response to a stream: status and headers as soon as they are known, and the body as it comes.
async fn streamed(mut stream: Stream) -> Response {
    let content_type = stream.content_type.take();
    let has_prelude = content_type.as_ref().is_some_and(|content_type| content_type == WITH_PRELUDE);
    let (mut response, rest) = if has_prelude {
        match metadata_prelude::read(&mut stream).await {
            Some(read) => read,
            None => return bad_gateway(),
        }
    } else {
        let mut response = Response::new(());
        let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        (response, Bytes::new())
    };
    response.headers_mut().remove("content-length");
    let (sender, pieces) = channel(1);
    tokio::spawn(async move {
        if !rest.is_empty() {
            let _ = sender.send(rest).await;
        }
        // If the stream fails, the body ends (S7.3).
        while let Piece::Data(data) = stream.next().await {
            let _ = sender.send(data).await;
        }
    });
    response.map(|()| response::pieces(pieces))
}
