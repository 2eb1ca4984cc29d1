//! `bootstrap`: the program that Lambda starts. It only connects the parts; the work is in
//! [`bulkhead_host::event_loop`].
//!
//! | exit code | when |
//! |---|---|
//! | 0 | stopped by SIGTERM; or `--version` |
//! | 1 | the handler could not be started, which was reported, or the Runtime API can no longer be used |
//! | 64 | an environment variable is missing, or a variable of Bulkhead has an invalid value |
//! | 70 | Bulkhead panicked, which is a bug |

mod pow;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bulkhead_host::aws::{Client, Clock};
use bulkhead_host::capabilities;
use bulkhead_host::capabilities::files::{GrantError, Granted};
use bulkhead_host::capabilities::key_value::{Stores, StoresError, Surroundings};
use bulkhead_host::capabilities::outbound::{Clients, OutboundError};
use bulkhead_host::config::{Config, ConfigError};
use bulkhead_host::credentials::{self, Process, Unavailable};
use bulkhead_host::dispatch::catalog::{Catalog, CatalogError, Source};
use bulkhead_host::dispatch::concurrency::Concurrency;
use bulkhead_host::dispatch::router::Router;
use bulkhead_host::dispatch::{Dispatcher, IdleSandboxes, Scripts, StoredTenants};
use bulkhead_host::engine::watchdog::{TimeSlice, Watchdog};
use bulkhead_host::engine::{self, Allocation, Pool, Share};
use bulkhead_host::event_loop::backoff::Backoff;
use bulkhead_host::event_loop::{EventLoop, LoopError, snapstart, workers};
use bulkhead_host::log::{Level, Log, Scope, chain};
use bulkhead_host::policy::ProcessVars;
use bulkhead_host::policy::manifest::{FILE, Manifest, ManifestError, Store, place_of};
use bulkhead_host::runtime_api::shutdown::Stop;
use bulkhead_host::runtime_api::{ErrorReport, RuntimeApi, extension};
use bulkhead_host::sandbox::Sandboxes;
use bulkhead_host::store::Reader;
use bulkhead_host::text::printable::{self, Shown as _};
use bulkhead_host::tls::ExtraRoots;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const FAILED: u8 = 1;
const USAGE: u8 = 64;
const BUG: u8 = 70;

/// The function could not be started.
#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error(transparent)]
    Endpoint(#[from] Unavailable),
    #[error(transparent)]
    Grant(#[from] GrantError),
    #[error(transparent)]
    Stores(#[from] StoresError),
    #[error("{place}: {}: {error}", path.shown())]
    Certificate { place: String, path: PathBuf, error: std::io::Error },
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    #[error("the imports of handlers could not be defined: {0:#}")]
    Linker(wasmtime::Error),
    #[error("the operating system denied a resource that the host needs: {0}")]
    System(#[from] std::io::Error),
}

impl InitError {
    /// The report for the first caller.
    fn report(&self) -> ErrorReport {
        match self {
            Self::Catalog(error) => error.report(),
            Self::Manifest(_)
            | Self::Outbound(_)
            | Self::Endpoint(_)
            | Self::Grant(_)
            | Self::Stores(_)
            | Self::Certificate { .. } => ErrorReport::new("Runtime.ConfigInvalid", self.to_string()),
            Self::Engine(_) | Self::Linker(_) | Self::System(_) => {
                ErrorReport::new("Runtime.InitError", self.to_string())
            }
        }
    }
}

fn main() -> ExitCode {
    // Lambda passes no arguments.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "--version" || argument == "-V") {
        return version();
    }
    let config = match Config::read(&ProcessVars) {
        Ok(config) => config,
        Err(errors) => return usage(&errors),
    };
    let log = Arc::new(Log::new(&config.log));
    for warning in &config.warnings {
        log.record(Level::Warn, &Scope::default(), warning);
    }
    log_panics(&log);
    let parked = Arc::clone(&log);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let code = match runtime.enable_all().on_thread_park(move || workers::flush(&parked)).build() {
        Ok(runtime) => {
            let code = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(config, &log)))).unwrap_or(BUG);
            // A look-up of a name may still wait for its server.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            log.record(
                Level::Fatal,
                &Scope::default(),
                &format!("the async runtime could not be started: {error}"),
            );
            FAILED
        }
    };
    ExitCode::from(code)
}

/// For a person who wants to know which bootstrap it is. `bulkhead package` looks for the last words.
#[expect(clippy::print_stdout, reason = "there is no log without the environment of Lambda")]
fn version() -> ExitCode {
    let compiler = if cfg!(feature = "compiler") {
        "with the compiler for .wasm"
    } else {
        "without a compiler, for .cwasm only"
    };
    println!("bootstrap ({}), {compiler}", engine::BUILD);
    ExitCode::SUCCESS
}

/// There is no log yet, so this is for a person who starts the bootstrap by hand.
#[expect(clippy::print_stderr, reason = "the settings of the log could not be read")]
fn usage(errors: &[ConfigError]) -> ExitCode {
    for error in errors {
        eprintln!("bootstrap: {}", printable::line(&error.to_string()));
    }
    ExitCode::from(USAGE)
}

/// Logs a panic as one record, rather than as several lines on stderr.
fn log_panics(log: &Arc<Log>) {
    let log = Arc::clone(log);
    std::panic::set_hook(Box::new(move |panic| {
        log.record(Level::Fatal, &Scope::default(), &format!("Bulkhead panicked, which is a bug: {panic}"));
    }));
}

async fn run(config: Config, log: &Arc<Log>) -> u8 {
    let mut api = RuntimeApi::new(config.runtime_api.clone());
    // The connection is opened while the component is loaded.
    api.connect().await;
    let nobody = Scope::default();
    let (dispatcher, stop) = match init(&config, log).await {
        Ok(ready) => ready,
        Err(error) => {
            log.record(Level::Fatal, &nobody, &error.to_string());
            if let Err(error) = api.report_init_error(&error.report()).await {
                log.record(Level::Fatal, &nobody, &chain(&error));
            }
            return FAILED;
        }
    };
    if config.snap_start
        && let Err(error) = snapstart::restore(&mut api).await
    {
        log.record(Level::Fatal, &nobody, &chain(&error));
        return FAILED;
    }
    let backoff = config.max_concurrency.map_or_else(Backoff::none, Backoff::of_loops);
    let event_loop = EventLoop::new(api, Arc::new(dispatcher), stop, backoff, Arc::clone(log));
    // The state of an event in flight is large, and would be copied whenever this future is moved.
    let ended = match config.max_concurrency {
        None => Box::pin(event_loop.run()).await,
        Some(count) => workers::run(event_loop, count).await,
    };
    match ended {
        Ok(()) => 0,
        Err(error) => {
            log.record(Level::Fatal, &nobody, &chain(&error));
            if matches!(error, LoopError::HostPanic) { BUG } else { FAILED }
        }
    }
}

async fn init(config: &Config, log: &Arc<Log>) -> Result<(Dispatcher, Stop), InitError> {
    let warn = |text: &str| log.record(Level::Warn, &Scope::default(), text);
    let stop = Stop::listen()?;
    if config.sigterm
        && let Err(error) = extension::register(&config.runtime_api).await
    {
        warn(&format!("SIGTERM will not be delivered: {}", chain(&error)));
    }
    let mut manifest = Manifest::read(&config.task_root)?.unwrap_or_default();
    for name in manifest.inherit(&ProcessVars) {
        warn(&format!("{FILE} inherits the environment variable {name}, which is not set"));
    }
    let roots = certificates(&config.task_root, &manifest.extra_ca_certificates)?;
    let (clients, own_client) = clients(config, &manifest, &roots, log)?;
    let directories = Granted::open(&config.task_root, manifest.policies())?;
    let events = config.max_concurrency.unwrap_or(1);
    let pool = pool(events, &manifest);
    let (engine, allocation) = without_files(|| engine::start_with(pool))?;
    if allocation == Allocation::OnDemand {
        warn(
            "there is not enough address space for a pool of sandboxes; memory is allocated for each \
             sandbox, which is slower",
        );
    }
    let imports = capabilities::imports(&engine).map_err(InitError::Linker)?;
    let watchdog = Watchdog::start(&engine, if events > 1 { TimeSlice::SHARED } else { TimeSlice::ALONE })?;
    let source = Source {
        engine,
        imports,
        task_root: config.task_root.clone(),
        // Work in the snapshot need not be repeated in each copy.
        is_lazy: !config.snap_start,
    };
    let clock = own_client.clock().clone();
    let stored = stored(config, &manifest, &source, own_client, log);
    let catalog = Catalog::open(source, &manifest, config.handler.as_deref())?;
    catalog.warnings.iter().for_each(|warning| warn(warning));
    let router = Router::new(&manifest, catalog.policies(), catalog.main);
    let events = usize::try_from(events).unwrap_or(usize::MAX);
    // Counting processors reads files, which is a waste if one event has all of them.
    let processors = if events > 1 { std::thread::available_parallelism().map_or(1, usize::from) } else { 1 };
    let dispatcher = Dispatcher {
        concurrency: Concurrency::new(events, manifest.serves_several()),
        idle_sandboxes: IdleSandboxes::new(events, processors),
        router,
        catalog,
        scripts: Scripts::new(config.task_root.clone(), stored.clone(), Arc::clone(log)),
        stored,
        sandboxes: Sandboxes {
            function: config.function.clone(),
            log: Arc::clone(log),
            directories,
            clients,
            stores: Arc::new(stores(config, &manifest, &roots, &clock, log)?),
            pool_usage: Arc::default(),
        },
        watchdog,
        log: Arc::clone(log),
        receipts: manifest.receipts,
    };
    Ok((dispatcher, stop))
}

/// The clients of guests, and one of the host's own. There is one time for all signatures.
fn clients(
    config: &Config,
    manifest: &Manifest,
    roots: &[(PathBuf, Vec<u8>)],
    log: &Arc<Log>,
) -> Result<(Arc<Clients>, Client), InitError> {
    credentials::check_endpoints(manifest, &ProcessVars)?;
    let clock = Clock::default();
    let process = process(config, manifest, &clock);
    let clients = Clients::with_credentials(log, &config.runtime_api.authority, roots, process)?;
    let own = Client::new(ExtraRoots::read(roots).map_err(OutboundError::Certificate)?);
    Ok((clients, own.with_clock(clock)))
}

/// Where secrets and sessions come from.
fn process(config: &Config, manifest: &Manifest, clock: &Clock) -> Process {
    Process {
        function: config.function.name.clone(),
        task_root: config.task_root.clone(),
        vars: Arc::new(ProcessVars),
        clock: clock.clone(),
        store_bucket: manifest.store.as_ref().and_then(|store| Some(store.url.bucket()?.name.clone())),
    }
}

/// The tenants of the store, if there is one. Their handlers come after those of the manifest.
fn stored(
    config: &Config,
    manifest: &Manifest,
    source: &Source,
    client: Client,
    log: &Arc<Log>,
) -> Option<Arc<StoredTenants>> {
    let mut store = manifest.store.clone()?;
    config.store.apply(&mut store);
    let reader = Reader::new(&store, client, &ProcessVars);
    let handlers = manifest.handlers.len();
    Some(StoredTenants::new(store, reader, source.clone(), Arc::clone(log), handlers))
}

/// The key-value stores.
fn stores(
    config: &Config,
    manifest: &Manifest,
    roots: &[(PathBuf, Vec<u8>)],
    clock: &Clock,
    log: &Arc<Log>,
) -> Result<Stores, InitError> {
    if manifest.stores.is_empty() {
        return Ok(Stores::none(Arc::clone(log)));
    }
    let roots = ExtraRoots::read(roots).map_err(OutboundError::Certificate)?;
    let surroundings = Surroundings { task_root: &config.task_root, roots: &roots, clock };
    Ok(Stores::of(&manifest.stores, surroundings, &ProcessVars, Arc::clone(log))?)
}

/// The pool for so many events at a time, with room for a sandbox under any policy.
fn pool(events: u32, manifest: &Manifest) -> Pool {
    // Handlers that the manifest does not name have its defaults.
    let unnamed = manifest.default_policy("");
    let of_store = manifest.store.as_ref().map(Store::largest);
    let share = Share::largest(manifest.policies().chain([&unnamed]).chain(&of_store));
    Pool::of(events, manifest.components(), share)
}

/// Starts the engine while no file can be opened. Its pool asks four times for the number of processors, which it needs only if
/// it has 128 places of a kind, and each time the standard library reads the files of the control groups, which takes 25 µs.
/// Without them, the number is that of the scheduler.
fn without_files<T>(start: impl FnOnce() -> T) -> T {
    let limit = getrlimit(Resource::Nofile);
    let none = Rlimit { current: Some(0), maximum: limit.maximum };
    let is_lowered = setrlimit(Resource::Nofile, none).is_ok();
    let started = start();
    if is_lowered {
        // It was so before, so it may be so again.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    started
}

/// The files of certificate authorities that the manifest adds, each with its name.
fn certificates(task_root: &Path, files: &[PathBuf]) -> Result<Vec<(PathBuf, Vec<u8>)>, InitError> {
    let read = |file: &PathBuf| match std::fs::read(task_root.join(file)) {
        Ok(pem) => Ok((file.clone(), pem)),
        Err(error) => {
            let place = place_of(task_root, "outbound", "extra_ca_certificates");
            Err(InitError::Certificate { place, path: task_root.join(file), error })
        }
    };
    files.iter().map(read).collect()
}
