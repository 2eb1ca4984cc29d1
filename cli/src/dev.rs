//! `bulkhead dev`: Lambda on this machine, with the real bootstrap, while you work on handlers.

// From the bottom up: a room uses only rooms listed above it, and of those only the ones that its first lines
// name.
mod console;
mod http;
mod records;
mod status;

mod functions;
mod project;

mod state;

mod function_url;
mod invoke_api;
mod reload;
mod runtime_api;

mod page;

mod api;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bulkhead_host::config::StoreSettings;
use bulkhead_host::policy::manifest::store::StoreUrl;
use clap::Args;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::local;
use crate::local::settings::Settings;
use crate::number::{self, whole};
use function_url::{UrlAddress, Urls};
use functions::Functions;
use functions::function::Shared;
use functions::request_ids::RequestIds;
use http::listener::{self, Bounds};
use page::{Folders, Page};
use project::Project;
use project::watch::SourceWatcher;
use reload::Reload;
use state::AppState;
use status::StatusFeed;

/// Run handlers on this machine as Lambda does. Call them with the AWS CLI or an SDK (--endpoint-url), or by
/// a URL.
///
/// Runs the handlers of the project in this folder, or the components of a task root, with the real
/// bootstrap. When you save a file, the project is built again, and the new version takes over as soon as it
/// has started; the old version finishes its events. If a build fails, the errors are shown and the last good
/// version keeps running. Stop it with Ctrl-C or SIGTERM.
///
/// Example: bulkhead dev --port 9000
#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// The folder with the components and bulkhead.toml [default: the cargo project here, or the components
    /// here]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The address to listen on; with any address but a loopback one, everyone who can reach it can use it
    #[arg(long, short = 'A', alias = "invoke-address", value_name = "IP", default_value = "127.0.0.1", value_parser = number::address)]
    address: IpAddr,
    /// The port to listen on; 0 for any free port
    #[arg(long, short = 'P', alias = "invoke-port", value_name = "PORT", default_value_t = 9000, value_parser = number::port)]
    port: u16,
    /// The port of function URLs, http://NAME.localhost:PORT/ [default: the port after --port, or any free
    /// port]
    #[arg(long, value_name = "PORT", value_parser = number::port)]
    url_port: Option<u16>,
    /// The directory or the bucket of the store of tenants, if it is another one here than in bulkhead.toml
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Build and load once, and ignore later changes; exit with code 1 if that fails
    #[arg(long, alias = "ignore-changes")]
    no_watch: bool,
    /// Do not start a bootstrap: start a runtime yourself, with the AWS_LAMBDA_RUNTIME_API that is shown
    #[arg(long, alias = "only-lambda-apis")]
    no_bootstrap: bool,
    #[command(flatten)]
    settings: Settings,
    /// Events that a function handles at a time, each in its own environment; further events get HTTP status
    /// 429
    #[arg(long, short, value_name = "N", default_value_t = 10, value_parser = whole::<u16>(1..=1000, 10))]
    concurrency: u16,
    /// Retries of an asynchronous invocation (Event) that fails; Lambda retries twice
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<u8>(0..=2, 2))]
    event_retries: u8,
}

/// The two ports.
#[derive(Debug)]
struct Ports {
    listener: TcpListener,
    url_listener: TcpListener,
    /// How programs on this machine reach `listener`.
    api: SocketAddr,
    /// How programs on this machine reach `url_listener`.
    urls: UrlAddress,
}

/// No event is served under a record of the store that is older than this, so that a tenant is served as it was put a moment ago.
const REFRESH: Duration = Duration::from_millis(100);

/// How much longer than their timeout events in flight may take when the command ends.
const GRACE: Duration = Duration::from_secs(3);

impl Dev {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.serve())
    }

    async fn serve(self) -> anyhow::Result<ExitCode> {
        // Before the first build, so that a signal ends that, too.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let store = self.store()?;
        let project = Project::find(self.root.clone())?.with_store(store.clone());
        let settings = self.settings(&project)?;
        let ports = self.listen().await?;
        let shared = Shared::new(
            ports.api.to_string(),
            usize::from(self.concurrency),
            self.event_retries,
            self.no_bootstrap,
        );
        let state = Arc::new(AppState {
            functions: Functions::new(settings, Arc::new(shared)),
            status: StatusFeed::default(),
            request_ids: RequestIds::new(),
            is_loopback: self.address.is_loopback(),
        });
        let (api, urls) = (ports.api, ports.urls);
        answer(ports, &project, &state)?;
        let reload = Reload { project, state: Arc::clone(&state) };
        let failed = tokio::select! {
            failed = self.work(&reload, api, urls) => failed?,
            _ = interrupt.recv() => false,
            _ = terminate.recv() => false,
        };
        let limit = tokio::time::sleep(self.settings.timeout + GRACE);
        tokio::select! {
            () = state.functions.end() => {}
            // Environments that are still there are killed when they are dropped.
            () = limit => {}
            _ = interrupt.recv() => {}
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// Function URLs have a port of their own, so that a handler's response cannot pass for our page.
    async fn listen(&self) -> anyhow::Result<Ports> {
        let listener = self.bind(self.port, "--port").await?;
        let api = listener.local_addr()?;
        let beside = if self.port == 0 { 0 } else { next(self.port) };
        let url_listener = match self.bind(self.url_port.unwrap_or(beside), "--url-port").await {
            Err(_) if self.url_port.is_none() => self.bind(0, "--url-port").await?,
            bound => bound?,
        };
        let urls = UrlAddress(of_this_machine(url_listener.local_addr()?));
        Ok(Ports { listener, url_listener, api: of_this_machine(api), urls })
    }

    async fn bind(&self, port: u16, option: &str) -> anyhow::Result<TcpListener> {
        let wanted = SocketAddr::new(self.address, port);
        TcpListener::bind(wanted).await.with_context(|| {
            format!("cannot listen on {wanted}; choose another address with --address and {option}")
        })
    }

    /// Builds and loads, and again after each save. It returns only if that fails and nothing is watched.
    async fn work(&self, reload: &Reload, address: SocketAddr, urls: UrlAddress) -> anyhow::Result<bool> {
        // Before the first build, so that no save during it is missed.
        let watcher = if self.no_watch { None } else { Some(SourceWatcher::of(&reload.project).await?) };
        console::say(&format!("its page is http://{address}/"));
        console::say(&format!("listening on http://{address}"));
        console::say(&format!("function URLs are on {}", urls.pattern()));
        let is_loaded = reload.once().await;
        if is_loaded {
            let has_store = reload.project.tenants().is_some();
            console::say(&self.directions(address, urls, &reload.state.functions.names(), has_store));
        }
        match watcher {
            None if !is_loaded => return Ok(true),
            None => std::future::pending().await,
            Some(watcher) => reload.watch(watcher).await,
        }
        Ok(false)
    }

    /// How to call the functions.
    fn directions(&self, address: SocketAddr, urls: UrlAddress, names: &[String], has_store: bool) -> String {
        let mut text = String::from("each handler is a function, with a URL:");
        let of_store = if has_store { self.store_variables() } else { Vec::new() };
        for name in names {
            text += &format!("\n  {name}  {}", urls.url(name));
            if self.no_bootstrap {
                text += &format!("\n    export AWS_LAMBDA_RUNTIME_API={address}/.rt/{name}");
                for (name, value) in &of_store {
                    text += &format!("\n    export {name}={}", word(value));
                }
            }
        }
        if let Some(first) = names.first() {
            text += &format!(
                "\n  aws lambda invoke --endpoint-url http://{address} --function-name {first} /dev/stdout\
                 \nyour own runtime gets the events of {first} with AWS_LAMBDA_RUNTIME_API={address}"
            );
        }
        text
    }

    fn settings(&self, project: &Project) -> anyhow::Result<local::Function> {
        let bootstrap = match self.no_bootstrap {
            true => PathBuf::new(),
            false => local::bootstrap(self.settings.bootstrap.clone())?,
        };
        // `_HANDLER` is different for each function.
        let mut settings = self.settings.function(String::new(), project.root.clone(), bootstrap);
        // Those of `--env-var` come after these, and win.
        settings.environment.splice(0..0, self.store_variables());
        Ok(settings)
    }

    /// The variables with which a bootstrap reads the store as this command wants it.
    fn store_variables(&self) -> Vec<(String, String)> {
        let url = self.store.clone().map(|url| ("BULKHEAD_STORE_URL".to_owned(), url));
        let refresh = humantime::format_duration(REFRESH).to_string();
        url.into_iter().chain([("BULKHEAD_STORE_REFRESH".to_owned(), refresh)]).collect()
    }

    fn store(&self) -> anyhow::Result<StoreSettings> {
        let url = self.store.as_deref().map(StoreUrl::parse).transpose();
        let url = url.map_err(anyhow::Error::msg).context("--store")?;
        Ok(StoreSettings { url, refresh: Some(REFRESH) })
    }
}

/// A word of a command line, in quotes if the shell would read it in another way.
fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:=@%+,".contains(&byte);
    if text.bytes().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Starts to answer on both ports.
fn answer(ports: Ports, project: &Project, state: &Arc<AppState>) -> anyhow::Result<()> {
    let folders = Folders {
        root: project.root.clone(),
        edited: project.edited().to_owned(),
        store: project.store.clone(),
    };
    let page = Page::new(Arc::clone(state), folders, ports.urls)?;
    let api = TowerToHyperService::new(api::router(state, page, ports.urls));
    tokio::spawn(listener::serve(ports.listener, Bounds::OF_PROGRAMS, move |request| {
        let answer = api.call(request);
        async move {
            let Ok(response) = answer.await;
            response
        }
    }));
    let urls = Arc::new(Urls::new(Arc::clone(state), ports.urls));
    tokio::spawn(listener::serve(ports.url_listener, Bounds::OF_THE_WEB, move |request| {
        let urls = Arc::clone(&urls);
        async move { urls.respond(request).await }
    }));
    Ok(())
}

/// The port after this one, or any free port if there is none.
fn next(port: u16) -> u16 {
    port.checked_add(1).unwrap_or(0)
}

/// How programs on this machine reach an address that this command listens on.
fn of_this_machine(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], address.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, address.port()))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_in_quotes_if_it_has_to_be() {
        for (text, expected) in [
            ("file:///mnt/tenants", "file:///mnt/tenants"),
            ("file:///my tenants", "'file:///my tenants'"),
            ("file:///it's", r"'file:///it'\''s'"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
