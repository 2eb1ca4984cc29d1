//! How long the parts of a request may be that a guest makes.
//!
//! `wasi:http` takes a method of any length, and keeps it for as long as the guest keeps the request. A guest could fill the
//! host's memory so, and nobody's limit of memory would notice.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest, Method};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest as OutgoingRequest;
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

const TYPES: &str = "wasi:http/types@0.2.12";
/// The longest registered method has 17 letters.
const MAX_METHOD: usize = 64;
/// Servers and caches take 8 KiB, most of them.
const MAX_PATH: usize = 16 * 1024;
/// The longest name has 253 letters, and a port five.
const MAX_AUTHORITY: usize = 512;

/// Has what is too long refused, as a guest is told of other mistakes in it.
pub(super) fn bound<T: WasiHttpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    stand_before(&mut types, "method", |view, request, method: Method| {
        let too_long = matches!(&method, Method::Other(name) if name.len() > MAX_METHOD);
        if too_long { Ok(Err(())) } else { view.set_method(request, method) }
    })?;
    stand_before(&mut types, "path-with-query", |view, request, path: Option<String>| {
        if is_longer(path.as_ref(), MAX_PATH) { Ok(Err(())) } else { view.set_path_with_query(request, path) }
    })?;
    stand_before(&mut types, "authority", |view, request, authority: Option<String>| {
        let too_long = is_longer(authority.as_ref(), MAX_AUTHORITY);
        if too_long { Ok(Err(())) } else { view.set_authority(request, authority) }
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn is_longer(text: Option<&String>, limit: usize) -> bool {
    text.is_some_and(|text| text.len() > limit)
}

type Done = wasmtime::Result<Result<(), ()>>;

/// Puts `set` in the place of what sets this part of a request.
fn stand_before<T, V>(
    types: &mut LinkerInstance<'_, T>,
    part: &str,
    set: impl Fn(&mut WasiHttpCtxView<'_>, Resource<OutgoingRequest>, V) -> Done + Send + Sync + 'static,
) -> wasmtime::Result<()>
where
    T: WasiHttpView + 'static,
    (Resource<OutgoingRequest>, V):
        wasmtime::component::ComponentNamedList + wasmtime::component::Lift + 'static,
{
    let name = format!("[method]outgoing-request.set-{part}");
    types.func_wrap(&name, move |mut store: StoreContextMut<'_, T>, (request, value)| {
        Ok((set(&mut store.data_mut().http(), request, value)?,))
    })
}
