//! Differences of `wasi:http/types` for a service that answers a request.
//!
//! A service may set headers that only the host may set, such as `Connection`, because services pass on the
//! responses of other servers. These headers are dropped: an error would end most services, whose libraries
//! do not expect one. This also holds for the requests that a service sends, since the host cannot know for
//! which of the two a service creates its headers.
//!
//! A response without a body may state the length that the body would have (RFC 9110, section 8.6).
//!
//! The data about a service's caller stays with the service: a request that it sends never has the header
//! [`REQUEST_CONTEXT`], which a service that passes on all headers of its own request would send along.

use hyper::StatusCode;
use hyper::header::HeaderName;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource};
use wasmtime_wasi_http::p2::HeaderResult;
use wasmtime_wasi_http::p2::bindings::http::types::{self, HeaderError, Host as _};
use wasmtime_wasi_http::p2::body::HostOutgoingBody;
use wasmtime_wasi_http::p2::types::HostOutgoingResponse;
use wasmtime_wasi_http::{FieldMap, WasiHttpCtxView, WasiHttpView as _};

use super::State;
use crate::http_event::{REQUEST_CONTEXT, has_body};

const TYPES: &str = "wasi:http/types@0.2.12";

/// The kind of request that a sandbox answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Serving {
    /// Events; the guest is not a service, or has had no request yet.
    #[default]
    Events,
    /// A request.
    Request {
        /// Whether its method is HEAD.
        is_head: bool,
    },
}

impl Serving {
    /// Whether headers that a guest may not set are dropped.
    fn drops_headers(self) -> bool {
        self != Self::Events
    }

    /// Whether a response with this status states the length of a body that it does not have.
    fn is_bodiless(self, status: StatusCode) -> bool {
        match self {
            Self::Events => false,
            Self::Request { is_head } => !has_body(is_head, status),
        }
    }
}

type Fields = Resource<FieldMap>;

/// Replaces functions that are linked already.
///
/// # Errors
/// If they are not linked, which would be a bug.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut linked = linker.instance(TYPES)?;
    fields(&mut linked)?;
    linked.func_wrap(
        "[method]outgoing-response.body",
        |mut store: StoreContextMut<'_, State>, (response,): (Resource<HostOutgoingResponse>,)| {
            Ok((body(store.data_mut(), response)?,))
        },
    )?;
    linked.func_wrap(
        "[constructor]outgoing-request",
        |mut store: StoreContextMut<'_, State>, (headers,): (Fields,)| {
            let mut view = store.data_mut().http();
            withhold_context(&mut view, &headers)?;
            Ok((types::HostOutgoingRequest::new(&mut view, headers)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn fields(linked: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    linked.func_wrap(
        "[static]fields.from-list",
        |mut store: StoreContextMut<'_, State>, (mut entries,): (Vec<(String, Vec<u8>)>,)| {
            let state = store.data_mut();
            let serving = state.serving;
            let mut view = state.http();
            if serving.drops_headers() {
                entries.retain(|(name, _)| !is_forbidden(&mut view, name));
            }
            let made = types::HostFields::from_list(&mut view, entries);
            Ok((made.map(Ok).or_else(|error| view.convert_header_error(error).map(Err))?,))
        },
    )?;
    linked.func_wrap(
        "[method]fields.append",
        |mut store: StoreContextMut<'_, State>, (fields, name, value): (Fields, String, Vec<u8>)| {
            Ok((set(store.data_mut(), |view| types::HostFields::append(view, fields, name, value))?,))
        },
    )?;
    linked.func_wrap(
        "[method]fields.set",
        |mut store: StoreContextMut<'_, State>, (fields, name, values): (Fields, String, Vec<Vec<u8>>)| {
            Ok((set(store.data_mut(), |view| types::HostFields::set(view, fields, name, values))?,))
        },
    )?;
    linked.func_wrap(
        "[method]fields.delete",
        |mut store: StoreContextMut<'_, State>, (fields, name): (Fields, String)| {
            Ok((set(store.data_mut(), |view| types::HostFields::delete(view, fields, name))?,))
        },
    )
}

/// Changes headers. If the host rejects a header as its own, nothing is changed, and the service gets no
/// error.
fn set(
    state: &mut State,
    change: impl FnOnce(&mut WasiHttpCtxView<'_>) -> HeaderResult<()>,
) -> wasmtime::Result<Result<(), HeaderError>> {
    let serving = state.serving;
    let mut view = state.http();
    let Err(error) = change(&mut view) else { return Ok(Ok(())) };
    Ok(match view.convert_header_error(error)? {
        HeaderError::Forbidden if serving.drops_headers() => Ok(()),
        error @ (HeaderError::Forbidden | HeaderError::InvalidSyntax | HeaderError::Immutable) => Err(error),
    })
}

fn is_forbidden(view: &mut WasiHttpCtxView<'_>, name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok_and(|name| view.hooks.is_forbidden_header(&name))
}

/// The body of a response. It must have the length that the response states, unless the response has no body.
fn body(
    state: &mut State,
    response: Resource<HostOutgoingResponse>,
) -> wasmtime::Result<Result<Resource<HostOutgoingBody>, ()>> {
    let serving = state.serving;
    let mut view = state.http();
    let there = view.table.get_mut(&response)?;
    if !serving.is_bodiless(there.status) {
        return types::HostOutgoingResponse::body(&mut view, response);
    }
    // Without a stated length there is nothing to compare.
    let headers = std::mem::take(&mut there.headers);
    let body = types::HostOutgoingResponse::body(&mut view, Resource::new_borrow(response.rep()));
    view.table.get_mut(&response)?.headers = headers;
    body
}

fn withhold_context(view: &mut WasiHttpCtxView<'_>, headers: &Fields) -> wasmtime::Result<()> {
    let headers = view.table.get_mut(headers)?;
    if headers.contains_key(REQUEST_CONTEXT) {
        // The headers of the service's own request cannot be changed; a request made from them has its own
        // copy.
        headers.set_mutable(usize::MAX);
        headers.remove_all(view.hooks, REQUEST_CONTEXT.to_owned())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_service_is_not_told_of_headers_that_it_may_not_set() {
        assert!(!Serving::default().drops_headers());
        assert!(Serving::Request { is_head: false }.drops_headers());
    }

    #[test]
    fn a_body_is_not_compared_where_there_is_none() {
        let is_bodiless =
            |serving: Serving, status| serving.is_bodiless(StatusCode::from_u16(status).unwrap());
        assert!(is_bodiless(Serving::Request { is_head: true }, 200));
        assert!(is_bodiless(Serving::Request { is_head: false }, 304));
        assert!(!is_bodiless(Serving::Request { is_head: false }, 200));
        assert!(!is_bodiless(Serving::Events, 304));
    }
}
