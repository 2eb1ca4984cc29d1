//! Everything that a component may import, and what the engine keeps of one sandbox for it.
//!
//! WASI is linked whole, since the standard libraries of most languages import it whole; what an interface gives
//! is decided by the sandbox's [`crate::policy`], and the default is nothing. It is linked interface by interface:
//! where ours stand in the place of Wasmtime's, Wasmtime's are not even in the program.

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::p2::bindings::cli;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
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
    let l = &mut linker;
    // Streams, clocks, stdin, stdout, stderr.
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    terminals(l)?;
    sockets(l)?;
    files::add_to_linker(l, State::files)?;
    outbound::add_to_linker(l)?;
    random(l)?;
    Ok(linker)
}

/// There is no terminal, and guests may ask.
fn terminals(l: &mut Linker<State>) -> wasmtime::Result<()> {
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)
}

/// Linked since Rust's standard library imports them. None can be used: see [`crate::sandbox`].
fn sockets(l: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::sockets as s;
    let options = s::network::LinkOptions::default();
    s::network::add_to_linker::<State, WasiSockets>(l, &options, State::sockets)?;
    s::instance_network::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    s::ip_name_lookup::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    s::tcp_create_socket::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    s::udp_create_socket::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    s::tcp::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    s::udp::add_to_linker::<State, WasiSockets>(l, State::sockets)
}

/// Ours, which counts.
fn random(l: &mut Linker<State>) -> wasmtime::Result<()> {
    // One of the three was linked with the clocks.
    l.allow_shadowing(true);
    random::add_to_linker::<State, HasSelf<Random>>(l, |state| &mut state.random)?;
    l.allow_shadowing(false);
    insecure::add_to_linker::<State, HasSelf<Random>>(l, |state| &mut state.random)?;
    insecure_seed::add_to_linker::<State, HasSelf<Random>>(l, |state| &mut state.random)
}
