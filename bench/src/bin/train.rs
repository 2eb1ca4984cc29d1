//! Lets a bootstrap work, for `cargo xtask train`: the bootstrap counts which of its code that takes.
//!
//! The work is what functions do most: small events, one and many at a time, large ones, scripts, many tenants, HTTP and
//! starts. Each bootstrap ends by SIGTERM, as on Lambda, because it writes its counts when it ends.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bulkhead_bench::component::compile;
use bulkhead_tests::{Bootstrap, Event, Kind, RuntimeApi, TaskRoot};
use clap::Parser;

/// Lets a bootstrap work. `cargo xtask train` sets the paths
#[derive(Debug, Parser)]
struct Arguments {
    /// The bootstrap that counts
    #[arg(long)]
    bootstrap: PathBuf,
    /// The `bulkhead` command
    #[arg(long)]
    command: PathBuf,
    /// The folder of the handlers, as `.cwasm`
    #[arg(long)]
    components: PathBuf,
    /// The component of the engine of scripts
    #[arg(long)]
    engine: PathBuf,
}

/// How long a bootstrap that counts may take to end.
const END: Duration = Duration::from_secs(30);

/// A script as authors write it.
const SCRIPT: &str = "export const handler = async (event) => ({ message: `Hello, ${event.name}!` });\n";

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let component = |name: &str| {
        let file = arguments.components.join(name).with_extension("cwasm");
        std::fs::read(&file).with_context(|| format!("reading {}", file.display()))
    };
    let hello = component("hello")?;
    let plain = TaskRoot::new().file("h.cwasm", &hello);
    let small = r#"{"name":"world"}"#;
    for _ in 0..20 {
        work(&arguments, &plain, 1, &[(small, None); 10])?;
    }
    work(&arguments, &plain, 1, &[(small, None); 4000])?;
    work(&arguments, &plain, 8, &[(small, None); 4000])?;
    work(&arguments, &plain, 64, &[(small, None); 4000])?;
    let large = serde_json::to_string(&vec!["some text that is repeated"; 20_000])?;
    let echo = TaskRoot::new().file("h.cwasm", &component("echo")?);
    work(&arguments, &echo, 1, &[(small, None); 500])?;
    work(&arguments, &echo, 1, &[(large.as_str(), None); 100])?;
    work(&arguments, &tenants(&hello), 8, &of_tenants(small))?;
    let folder = tempfile::tempdir().context("making a folder")?;
    let engine = folder.path().join("javascript.cwasm");
    compile(&arguments.command, &arguments.engine, &engine)?;
    let scripts = TaskRoot::new()
        .manifest("[handlers.h]\nsource = \"h.js\"\n")
        .file("h.js", SCRIPT.as_bytes())
        .file("engines/javascript.cwasm", &std::fs::read(&engine)?);
    work(&arguments, &scripts, 1, &[(small, None); 500])?;
    work(&arguments, &scripts, 8, &[(small, None); 500])
}

/// The tenants' names.
const TENANTS: [&str; 4] = ["acme", "initech", "umbrella", "globex"];

/// A function with tenants, of which each has grants of its own.
fn tenants(component: &[u8]) -> TaskRoot {
    let own = |name: &&str| format!("[tenants.{name}.grants]\nenvironment = {{ KEY = '{name}' }}\n");
    let manifest: String = TENANTS.iter().map(own).collect();
    let leave = "[handlers.h]\n[handlers.h.max.grants]\nenvironment = ['KEY']\n";
    TaskRoot::new().file("h.cwasm", component).manifest(&format!("{leave}{manifest}"))
}

fn of_tenants(event: &str) -> Vec<(&str, Option<&'static str>)> {
    TENANTS.iter().cycle().take(2000).map(|tenant| (event, Some(*tenant))).collect()
}

/// Starts the bootstrap, sends it events, each with its tenant, and lets it end.
fn work(
    arguments: &Arguments,
    root: &TaskRoot,
    at_once: usize,
    events: &[(&str, Option<&str>)],
) -> Result<()> {
    let api = if at_once > 1 { RuntimeApi::concurrent(at_once) } else { RuntimeApi::start() };
    let mut bootstrap = Bootstrap::at(&arguments.bootstrap).task_root(root).handler("h").api(&api);
    if at_once > 1 {
        bootstrap = bootstrap.env("AWS_LAMBDA_MAX_CONCURRENCY", at_once.to_string());
    }
    let mut running = bootstrap.spawn();
    for turn in events.chunks(at_once) {
        let queued: Vec<_> = turn
            .iter()
            .map(|(event, tenant)| {
                let event = Event::json(event);
                api.queue(tenant.iter().fold(event, |event, tenant| event.tenant(tenant)))
            })
            .collect();
        for queued in queued {
            let answer = api.answer(queued);
            ensure!(answer.kind == Kind::Response, "{}\n{}", answer.text(), running.logs());
        }
    }
    api.wait_idle();
    running.terminate();
    running.wait_exit(END);
    Ok(())
}
