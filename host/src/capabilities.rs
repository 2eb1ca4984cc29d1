//! Everything that a component may import, and what the engine keeps of one sandbox for it.
//!
//! WASI is linked whole, since the standard libraries of most languages import it whole; what an interface gives
//! is decided by the sandbox's [`crate::policy`], and the default is nothing.

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::files::{self, Files, FilesView};
use crate::limits::Limiter;
use crate::meter::Meter;
use crate::outbound::{self, Outbound};
use crate::random::Random;
use crate::watchdog::Clock;

/// What the engine keeps for one sandbox.
pub struct State {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) files: Files,
    pub(crate) random: Random,
    pub(crate) http: WasiHttpCtx,
    pub(crate) outbound: Outbound,
    pub(crate) limiter: Limiter,
    /// Looked at whenever the watchdog moves the epoch.
    pub(crate) clock: Clock,
    pub(crate) meter: Meter,
    /// Whether the guest was interrupted because its processor time was used up.
    pub(crate) out_of_cpu_time: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("limiter", &self.limiter).finish_non_exhaustive()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}

impl State {
    fn files(&mut self) -> FilesView<'_> {
        let host = WasiFilesystemCtxView { ctx: self.wasi.filesystem(), table: &mut self.table };
        FilesView { host, files: &mut self.files }
    }
}

/// Links all of it.
///
/// # Errors
/// When two definitions clash, which would be a bug.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    outbound::add_to_linker(&mut linker)?;
    // From here on ours stand in the place of WASI's.
    linker.allow_shadowing(true);
    files::add_to_linker(&mut linker, State::files)?;
    random::add_to_linker::<_, HasSelf<Random>>(&mut linker, |state: &mut State| &mut state.random)?;
    insecure::add_to_linker::<_, HasSelf<Random>>(&mut linker, |state: &mut State| &mut state.random)?;
    insecure_seed::add_to_linker::<_, HasSelf<Random>>(&mut linker, |state: &mut State| &mut state.random)?;
    linker.allow_shadowing(false);
    Ok(linker)
}
