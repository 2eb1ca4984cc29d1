//! Limits for the parts of a request that a guest creates.
//!
//! `wasi:http` accepts a method of any length, and stores it as long as the guest keeps the request. A guest
//! could fill the host's memory in this way, beyond every limit of memory.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest, Method};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest as OutgoingRequest;
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

const TYPES: &str = "wasi:http/types@0.2.12";
/// The longest registered method has 17 characters.
const MAX_METHOD: usize = 64;
/// Most servers and caches accept 8 KiB.
const MAX_PATH: usize = 16 * 1024;
/// The longest name has 253 characters, and a port five.
const MAX_AUTHORITY: usize = 512;

/// Rejects values that are too long, with the error for other invalid values.
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

/// Replaces the function that sets this part of a request by `set`.
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
