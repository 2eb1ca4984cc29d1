//! Everything that a component may import, and the engine's state of one sandbox for it.
//!
//! All of WASI is defined, since the standard libraries of most languages import most of it; the sandbox's
//! [`crate::policy`] decides what an interface gives, and by default it gives nothing. The definitions are
//! linked interface by interface: where ours replace Wasmtime's, the program does not contain Wasmtime's at
//! all.
//!
//! May use: text, http1, tls, log, http_event, script, policy, engine, aws, credentials.

pub mod checked_writes;
mod config;
pub mod console;
pub mod denials;
pub mod environment;
pub mod files;
pub mod key_value;
pub mod limits;
pub mod outbound;
pub mod output;
pub mod random;
pub mod response_stream;
mod script;
pub(crate) mod script_http;
mod service;
mod sockets;

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::engine::meter::Meter;
use crate::engine::pool_usage::PoolSlot;
use crate::engine::watchdog::Clock;
use crate::script::Script;
use denials::Denials;
use environment::Environment;
use files::{Files, FilesView};
use key_value::KeyValue;
use limits::Limiter;
use outbound::Outbound;
use random::Random;
use response_stream::Response;
use script_http::ScriptHttp;
pub(crate) use service::Serving;

/// The engine's state of one sandbox.
pub struct State {
    /// Dropped first: its requests must not appear to end well because the rest is gone.
    pub(crate) outbound: Outbound,
    pub(crate) key_value: KeyValue,
    pub(crate) wasi: WasiCtx,
    pub(crate) environment: Environment,
    pub(crate) table: ResourceTable,
    pub(crate) files: Files,
    pub(crate) random: Random,
    pub(crate) http: WasiHttpCtx,
    pub(crate) serving: Serving,
    pub(crate) response: Response,
    /// The script that the guest runs, if it is an engine.
    pub(crate) script: Option<Arc<Script>>,
    /// Its event as a request, if the script is a service.
    pub(crate) script_http: ScriptHttp,
    /// Whether the guest was denied a socket.
    pub(crate) wanted_socket: bool,
    pub(crate) limiter: Limiter,
    /// Its slot among the sandboxes; `None` for an init at compile time.
    pub(crate) pool_slot: Option<PoolSlot>,
    /// Checked whenever the watchdog moves the epoch.
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

    /// The denials of the guest since the last call.
    pub(crate) fn take_denials(&mut self) -> Denials {
        let missed = self.files.take_missed();
        Denials {
            sockets: std::mem::take(&mut self.wanted_socket),
            files: missed.permission,
            environment: self.environment.take_missed(),
            directories: missed.directories,
        }
    }

    fn key_value(&mut self) -> key_value::View<'_> {
        key_value::View { key_value: &mut self.key_value, table: &mut self.table }
    }

    fn script_http(&mut self) -> script_http::View<'_> {
        script_http::View {
            http: &mut self.script_http,
            policy: self.key_value.policy(),
            response: &self.response,
            table: &mut self.table,
        }
    }

    fn response(&mut self) -> response_stream::View<'_> {
        response_stream::View { response: &mut self.response, table: &mut self.table }
    }
}

/// The definitions that components may import. WASI has hundreds of functions and most components import a
/// few dozen, so a package of WASI is linked when the first component asks for it, and stays linked.
#[derive(Clone)]
pub struct Imports(Arc<Mutex<Linked>>);

struct Linked {
    linker: Linker<State>,
    /// The packages that are not linked yet.
    others: Vec<Package>,
}

/// The name of a package, and the function that links its interfaces.
type Package = (&'static str, fn(&mut Linker<State>) -> wasmtime::Result<()>);

impl std::fmt::Debug for Imports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imports").finish_non_exhaustive()
    }
}

/// The packages that only some standard libraries import.
const OTHERS: [Package; 8] = [
    ("wasi:clocks", clocks),
    ("wasi:random", random),
    ("wasi:filesystem", |l| files::add_to_linker(l, State::files)),
    ("wasi:sockets", |l| sockets::add_to_linker(l, |state| state.wanted_socket = true)),
    ("wasi:http", |l| outbound::add_to_linker(l).and_then(|()| service::add_to_linker(l))),
    ("wasi:config", |l| config::add_to_linker(l, |state| state.key_value.policy())),
    ("wasi:keyvalue", |l| key_value::add_to_linker(l, State::key_value)),
    ("bulkhead:lambda", |l| {
        response_stream::add_to_linker(l, State::response)?;
        script::add_to_linker(l, |state| state.script.as_deref())?;
        script_http::add_to_linker(l, State::script_http)
    }),
];

/// Links the packages that every standard library imports; others are linked on demand.
///
/// # Errors
/// When two definitions clash, which would be a bug.
pub fn imports(engine: &Engine) -> wasmtime::Result<Imports> {
    let mut linker = Linker::new(engine);
    io(&mut linker)?;
    cli(&mut linker)?;
    Ok(Imports(Arc::new(Mutex::new(Linked { linker, others: OTHERS.to_vec() }))))
}

/// Links everything.
///
/// # Errors
/// When two definitions clash, which would be a bug.
#[cfg(feature = "compiler")]
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    io(&mut linker)?;
    cli(&mut linker)?;
    OTHERS.iter().try_for_each(|(_, link)| link(&mut linker))?;
    Ok(linker)
}

impl Imports {
    /// A component with all of its imports, ready to be instantiated.
    ///
    /// # Errors
    /// When it imports something that there is not, by name.
    pub(crate) fn instantiate_pre(&self, component: &Component) -> wasmtime::Result<InstancePre<State>> {
        let mut linked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        linked.add(component)?;
        linked.linker.instantiate_pre(component)
    }
}

impl Linked {
    /// Links the packages that a component imports from, without checking the single imports.
    fn add(&mut self, component: &Component) -> wasmtime::Result<()> {
        for (import, _) in component.component_type().imports(component.engine()) {
            let wanted = self.others.iter().position(|(package, _)| is_in(import, package));
            if let Some((_, link)) = wanted.map(|wanted| self.others.swap_remove(wanted)) {
                link(&mut self.linker)?;
            }
        }
        Ok(())
    }
}

/// Whether an interface, such as `wasi:cli/environment@0.2.6`, is one of the package `wasi:cli`.
fn is_in(interface: &str, package: &str) -> bool {
    interface.strip_prefix(package).is_some_and(|rest| rest.starts_with('/'))
}

fn io(l: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::io;
    type Table = HasSelf<ResourceTable>;
    io::error::add_to_linker::<State, Table>(l, |state| &mut state.table)?;
    io::poll::add_to_linker::<State, Table>(l, |state| &mut state.table)?;
    io::streams::add_to_linker::<State, Table>(l, |state| &mut state.table)
}

fn cli(l: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::cli;
    // Ours, which is given the event's data.
    cli::environment::add_to_linker::<State, HasSelf<Environment>>(l, |state| &mut state.environment)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    // There is no terminal, but guests may ask for one.
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)
}

fn clocks(l: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::clocks;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)
}

/// Ours, which counts.
fn random(l: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::random;
    random::random::add_to_linker::<State, HasSelf<Random>>(l, |state| &mut state.random)?;
    random::insecure::add_to_linker::<State, HasSelf<Random>>(l, |state| &mut state.random)?;
    random::insecure_seed::add_to_linker::<State, HasSelf<Random>>(l, |state| &mut state.random)
}

#[cfg(all(test, feature = "compiler"))]
mod tests {
    use super::*;

    /// The packages that are still not linked after these interfaces were requested.
    #[expect(clippy::unwrap_used, reason = "a helper of tests")]
    fn left_after(interfaces: &[&str]) -> Vec<&'static str> {
        let (engine, _) = crate::engine::start(1).unwrap();
        let imports = imports(&engine).unwrap();
        for interface in interfaces {
            let wat = format!(r#"(component (import "{interface}" (instance)))"#);
            let component = Component::from_binary(&engine, &wat::parse_str(wat).unwrap()).unwrap();
            imports.instantiate_pre(&component).unwrap();
        }
        let linked = imports.0.lock().unwrap();
        linked.others.iter().map(|(package, _)| *package).collect()
    }

    #[test]
    fn a_package_is_linked_when_it_is_asked_for_and_once() {
        assert_eq!(left_after(&["wasi:cli/stdout@0.2.6", "wasi:io/poll@0.2.0"]).len(), 8);
        let left = left_after(&["wasi:http/types@0.2.6", "wasi:http/outgoing-handler@0.2.0"]);
        assert!(left.len() == 7 && !left.contains(&"wasi:http"), "{left:?}");
    }

    #[test]
    fn all_packages_get_along() {
        let all = [
            "wasi:clocks/wall-clock@0.2.0",
            "wasi:random/insecure@0.2.6",
            "wasi:filesystem/types@0.2.0",
            "wasi:sockets/tcp@0.2.6",
            "wasi:http/types@0.2.6",
            "wasi:config/store@0.2.0-rc.1",
            "wasi:keyvalue/batch@0.2.0-draft2",
            "bulkhead:lambda/response-stream@0.1.0",
            "bulkhead:lambda/script@0.1.0",
            "bulkhead:lambda/script-http@0.1.0",
        ];
        assert_eq!(left_after(&all), [""; 0]);
    }

    #[test]
    fn a_package_s_name_is_more_than_a_prefix() {
        assert!(is_in("wasi:http/types@0.2.6", "wasi:http"));
        assert!(!is_in("wasi:https/types@0.2.6", "wasi:http"));
        assert!(!is_in("wasi:http", "wasi:http"));
    }
}
