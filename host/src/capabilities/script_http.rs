//! `bulkhead:lambda/script-http`: the event as a request for a script that is an HTTP service, and the script's response.
//!
//! The event is read only if the engine asks for it, so other scripts pay nothing. It is read, and its response is sent, by the same
//! code and the same rules as for components that are services. What the event's outcome is decides [`crate::sandbox`].

use bytes::Bytes;
use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower, Resource, ResourceTable};
use wasmtime_wasi::p2::DynOutputStream;

use super::checked_writes::CheckedWrites;
use super::output::Collected;
use super::response_stream::{Head, HeadError, OpenError, Response};
use crate::engine::bindings::streaming::bulkhead::lambda::response_stream::{HttpHead, OpenError as Told};
use crate::http_event::{HttpEvent, HttpEventError, HttpSource, ResponseError, has_body};
use crate::policy::{InvokeMode, OtherEvents, Policy};

/// The name of the interface.
const INTERFACE: &str = "bulkhead:lambda/script-http@0.1.0";

/// How far a script has come with its event as a request.
#[derive(Debug, Default)]
pub(crate) enum ScriptHttp {
    /// Nobody may take a request: there is no event, or it is not for the service that the script is.
    #[default]
    Closed,
    /// Nobody has asked.
    Event(Bytes),
    /// The host answers.
    Refused(HttpEventError),
    /// The script has the request.
    Taken {
        /// The form of the response.
        source: HttpSource,
        is_head: bool,
    },
    /// The script has begun a response that is sent as a whole.
    Collects(Box<ScriptResponse>),
    /// It has begun a response that is streamed.
    Streams,
}

/// A response that is sent as a whole.
#[derive(Debug)]
pub(crate) struct ScriptResponse {
    pub(crate) source: HttpSource,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Collected,
}

/// A response that is not sent, because the event has failed, takes nothing more either.
impl Drop for ScriptResponse {
    fn drop(&mut self) {
        drop(self.body.take_all());
    }
}

/// What a script that takes its event needs.
pub(super) struct View<'a> {
    pub(super) http: &'a mut ScriptHttp,
    pub(super) policy: &'a Policy,
    pub(super) response: &'a Response,
    pub(super) table: &'a mut ResourceTable,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
enum NoRequest {
    #[component(name = "other-event")]
    OtherEvent,
    #[component(name = "refused")]
    Refused,
}

/// The event as a request, as its policy says.
///
/// # Errors
/// If it is not one.
pub(crate) fn request_of(event: &Bytes, policy: &Policy) -> Result<HttpEvent, HttpEventError> {
    match HttpEvent::parse(event) {
        Err(HttpEventError::NotHttp(_)) if policy.other_events == OtherEvents::Post => {
            Ok(HttpEvent::plain(event.clone()))
        }
        parsed => parsed,
    }
}

/// Whether the response to a request is streamed.
pub(crate) fn streams(source: HttpSource, policy: &Policy) -> bool {
    policy.invoke_mode == InvokeMode::ResponseStream && source.streams()
}

/// Links the interface. Its two functions are written by hand, because generated ones would have types of their own.
///
/// # Errors
/// When it is there already, which would be a bug.
pub(super) fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap("receive", move |mut store: StoreContextMut<'_, T>, (others,): (bool,)| {
        Ok((view(store.data_mut()).receive(others),))
    })?;
    interface.func_wrap("respond", move |mut store: StoreContextMut<'_, T>, (head,): (HttpHead,)| {
        Ok((view(store.data_mut()).respond(&head)?,))
    })
}

impl View<'_> {
    fn receive(&mut self, takes_others: bool) -> Result<Request, NoRequest> {
        let ScriptHttp::Event(event) = &*self.http else { return Err(NoRequest::Refused) };
        let event = event.clone();
        *self.http = ScriptHttp::Closed;
        match request_of(&event, self.policy) {
            Ok(HttpEvent { source, request }) => {
                *self.http = ScriptHttp::Taken { source, is_head: request.method() == Method::HEAD };
                Ok(Request::of(request))
            }
            Err(HttpEventError::NotHttp(_)) if takes_others => Err(NoRequest::OtherEvent),
            Err(error) => {
                *self.http = ScriptHttp::Refused(error);
                Err(NoRequest::Refused)
            }
        }
    }

    fn respond(&mut self, head: &HttpHead) -> wasmtime::Result<Result<Resource<DynOutputStream>, Told>> {
        let ScriptHttp::Taken { source, is_head } = *self.http else { return Ok(Err(Told::Opened)) };
        let parts = Head::parts(head.status, &head.headers, &head.cookies);
        let begun = parts.map_err(|error| Told::Invalid(error.to_string())).and_then(|(status, headers)| {
            let has_body = has_body(is_head, status);
            match streams(source, self.policy) {
                true => self.stream(status, &headers, has_body),
                false => self.collect(source, status, headers).map(|body| body.kept(has_body).stream()),
            }
        });
        match begun {
            Ok(stream) => Ok(Ok(self.table.push(stream)?)),
            Err(told) => Ok(Err(told)),
        }
    }

    fn stream(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        has_body: bool,
    ) -> Result<DynOutputStream, Told> {
        let head = Head::http(status, headers).map_err(|error| Told::Invalid(error.to_string()))?;
        let writer = self.response.open(head).map_err(|error| match error {
            OpenError::Opened => Told::Opened,
            OpenError::Unsupported => Told::Unsupported,
        })?;
        *self.http = ScriptHttp::Streams;
        match has_body {
            true => Ok(Box::new(CheckedWrites(writer))),
            false => Ok(Collected::new(0).kept(false).stream()),
        }
    }

    fn collect(
        &mut self,
        source: HttpSource,
        status: StatusCode,
        headers: HeaderMap,
    ) -> Result<Collected, Told> {
        if !(200..=599).contains(&status.as_u16()) {
            let error = HeadError::from(ResponseError::Status(status.as_u16()));
            return Err(Told::Invalid(error.to_string()));
        }
        let body = Collected::new(self.policy.limits.response);
        let response = ScriptResponse { source, status, headers, body: body.clone() };
        *self.http = ScriptHttp::Collects(Box::new(response));
        Ok(body)
    }
}

impl Request {
    fn of(request: hyper::Request<Bytes>) -> Self {
        let (head, body) = request.into_parts();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = head.headers.iter();
        Self {
            method: head.method.as_str().to_owned(),
            url: head.uri.to_string(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
                .collect(),
            body: body.into(),
        }
    }
}

#[cfg(test)]
mod tests;
