//! `cargo xtask bench --store`: a function whose tenants are in a store: first events, later ones, memory, start, and
//! what is asked of the store.
//!
//! The store has many tenants on one component, and some with a component each. It is written by this program, by the
//! documented layout. It is in a directory; with `--moto`, the same files are also in S3, as moto simulates it, behind a
//! proxy that delays each request.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use bulkhead_bench::figures::milliseconds;
use bulkhead_bench::goals;
use bulkhead_bench::machine;
use bulkhead_bench::store::bucket::Bucket;
use bulkhead_bench::store::function::Function;
use bulkhead_bench::store::measure::{self, Counter};
use bulkhead_bench::store::opens::Opens;
use bulkhead_bench::store::report::{Figures, Measured};
use bulkhead_bench::store::stage::{Programs, Sizes, Stage, owning, sharing};
use clap::Parser;
use serde_json::json;

/// Measures a function whose tenants are in a store. `cargo xtask bench --store` sets the paths
#[derive(Debug, Parser)]
struct Arguments {
    /// The bootstrap without the compiler
    #[arg(long)]
    lean: PathBuf,
    /// The `bulkhead` command
    #[arg(long)]
    command: PathBuf,
    /// The component of `examples/hello`
    #[arg(long)]
    wasm: PathBuf,
    /// The folder in which native code is kept for the next run
    #[arg(long)]
    kept: PathBuf,
    /// The file for the figures
    #[arg(long)]
    json: Option<PathBuf>,
    /// How many tenants the store has that share one component
    #[arg(long, default_value_t = 100_000)]
    stored: usize,
    /// How many of them have events
    #[arg(long, default_value_t = 10_000)]
    tenants: usize,
    /// How many tenants have a component each
    #[arg(long, default_value_t = 1000)]
    components: usize,
    /// How many events are drawn by Zipf's distribution
    #[arg(long, default_value_t = 50_000)]
    events: usize,
    /// How often known and static tenants are compared
    #[arg(long, default_value_t = 30)]
    rounds: usize,
    /// How often a function is started with a store, and without one
    #[arg(long, default_value_t = 31)]
    starts: usize,
    /// How often a tenant is changed
    #[arg(long, default_value_t = 6)]
    changes: usize,
    /// moto's server, with which a store in S3 is measured as well
    #[arg(long, value_name = "PATH")]
    moto: Option<PathBuf>,
    /// How many tenants that share one component have events from S3, and how many are drawn
    #[arg(long, default_value_t = 2000)]
    bucket_tenants: usize,
    /// How many tenants with a component each have events from S3
    #[arg(long, default_value_t = 200)]
    bucket_components: usize,
    /// By how many ms each request to S3 is delayed
    #[arg(long, default_value_t = 15)]
    delay: u64,
}

/// Which tenants have events.
#[derive(Debug, Clone, Copy)]
struct Served {
    sizes: Sizes,
    events: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("{}", machine::headline());
    let programs = Programs {
        lean: arguments.lean.clone(),
        command: arguments.command.clone(),
        wasm: arguments.wasm.clone(),
        kept: arguments.kept.clone(),
    };
    verify(&programs)?;
    let sizes = Sizes { shared: arguments.stored.max(arguments.tenants), own: arguments.components.max(1) };
    println!(
        "writing a store with {} tenants, {} of them with a component each",
        sizes.shared + sizes.own,
        sizes.own
    );
    let stage = Stage::new(&programs, sizes)?;
    println!("a component's native code has {:.0} KB", stage.native_size());
    let figures = measure(&arguments, &stage)?;
    println!("\n{}\n\n{}", figures.tables(), goals::shown(&figures.goals()));
    for error in &figures.changes.errors {
        println!("an event failed while its tenant was changed: {error}");
    }
    if let Some(file) = &arguments.json {
        let goals = goals::json(&figures.goals());
        let all = json!({ "machine": machine::description(), "targets": goals, "figures": figures.json() });
        fs::create_dir_all(file.parent().unwrap_or_else(|| Path::new(".")))?;
        fs::write(file, serde_json::to_string_pretty(&all)?)?;
        println!("all figures: {}", file.display());
    }
    Ok(())
}

/// Checks that a store which this program wrote is one in the eyes of the command.
fn verify(programs: &Programs) -> Result<()> {
    let sizes = Sizes { shared: 10, own: 2 };
    let stage = Stage::new(programs, sizes)?;
    stage.write_history(sizes)?;
    let findings = stage.verify()?;
    let is_whole = findings["leftovers"].as_array().is_some_and(Vec::is_empty);
    // The command put one more.
    ensure!(is_whole && findings["records"] == sizes.shared + sizes.own + 1, "{findings}");
    println!("`bulkhead tenants verify` accepts a store that was written by this program");
    Ok(())
}

fn measure(arguments: &Arguments, stage: &Stage) -> Result<Figures> {
    let location = stage.location();
    let root = stage.task_root(Some(&location));
    let start = || Function::start(stage.bootstrap(&root));
    println!("measuring: starts");
    let starts = measure::starts(stage, arguments.starts)?;
    println!("measuring: known tenants beside static ones");
    let beside = measure::beside(&mut start()?, arguments.rounds)?;
    println!("measuring: changes");
    let changes = measure::until_served(&mut start()?, stage, arguments.changes)?;
    let served = Served {
        sizes: Sizes { shared: arguments.tenants, own: arguments.components },
        events: arguments.events,
    };
    let mut opens = Opens::of(stage.store())?;
    let directory = store(stage, &location, served, &mut || opens.requests())?;
    let s3 = match &arguments.moto {
        Some(program) => Some(bucket(arguments, stage, program)?),
        None => None,
    };
    Ok(Figures { directory, s3, beside, starts, changes })
}

/// The same in S3.
fn bucket(arguments: &Arguments, stage: &Stage, program: &Path) -> Result<(Measured, f64)> {
    let delay = Duration::from_millis(arguments.delay);
    let shared = arguments.bucket_tenants.min(arguments.tenants);
    let sizes = Sizes { shared, own: arguments.bucket_components.min(arguments.components) };
    println!("uploading {} tenants to a bucket", sizes.shared + sizes.own);
    let bucket = Bucket::start(program, delay)?;
    bucket.upload(stage.store(), &stage.keys(sizes))?;
    let served = Served { sizes, events: arguments.events.min(5 * shared) };
    let measured = store(stage, &bucket.location(), served, &mut || Ok(bucket.proxy().requests()))?;
    Ok((measured, milliseconds(delay)))
}

/// Measures a store at this location.
fn store(stage: &Stage, location: &str, served: Served, counter: &mut Counter<'_>) -> Result<Measured> {
    let root = stage.task_root(Some(location));
    let start = || Function::start(stage.bootstrap(&root));
    let tenants = [
        (0..served.sizes.shared).map(sharing).collect::<Vec<_>>(),
        (0..served.sizes.own).map(owning).collect::<Vec<_>>(),
    ];
    let mut both = Vec::new();
    let mut drawn = Vec::new();
    for (kind, tenants) in ["one component", "a component each"].iter().zip(&tenants) {
        println!("measuring: {} tenants with {kind}", tenants.len());
        both.push(measure::first_and_later(&mut start()?, tenants, counter)?);
        println!("measuring: {} events, drawn", served.events);
        drawn.push(measure::drawn(&mut start()?, tenants, served.events, counter)?);
    }
    let (mut both, mut drawn) = (both.into_iter(), drawn.into_iter());
    let mut next = || both.next().unwrap_or_default();
    let (shared, own) = (next(), next());
    let mut next = || drawn.next().unwrap_or_default();
    Ok(Measured { shared, own, drawn: [next(), next()] })
}
