//! `cargo xtask bench`: builds the programs to compare, and calls `bulkhead-bench`, which measures them.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::bootstraps::SHIPPED;
use crate::compare::Revision;
use crate::e2e;
use crate::engine::{self, ENGINE};
use crate::guests::{GUESTS, HELLO, MEASURED};
use crate::languages::LANGUAGES;
use crate::steps::{self, Outcome, Step};
use crate::toolchain::TARGET;
use crate::workspace::{Profile, Workspace, run as call};

/// The options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Measure functions with many tenants and many components instead
    #[arg(long)]
    scale: bool,
    /// Measure the steps of a sandbox's life in process, for each way to allocate its memory
    #[arg(long, conflicts_with = "scale")]
    steps: bool,
    /// Measure handlers in JavaScript, Python, Go and C in comparison to Rust instead
    #[arg(long, conflicts_with_all = ["scale", "steps"])]
    languages: bool,
    /// Measure handlers that are scripts, beside StarlingMonkey and Node.js, and many tenants with scripts instead
    #[arg(long, conflicts_with_all = ["scale", "steps", "languages"])]
    scripts: bool,
    /// Measure how long the `bulkhead` command takes for the author of a handler instead
    #[arg(long, conflicts_with_all = ["scale", "steps", "languages", "scripts"])]
    pace: bool,
    /// Count the allocations and system calls of an event instead
    #[arg(long, conflicts_with_all = ["scale", "steps", "languages", "scripts", "pace"])]
    counts: bool,
    /// Measure a function whose tenants are in a store instead
    #[arg(long, conflicts_with_all = ["scale", "steps", "languages", "scripts", "pace", "counts"])]
    store: bool,
    /// Simulate a store with a hundred thousand tenants and a thousand environments instead
    #[arg(long, conflicts_with_all = ["scale", "steps", "languages", "scripts", "pace", "counts", "store"])]
    fleet: bool,
    /// Compare Bulkhead with its build of another revision instead, in turns in one run
    #[arg(
        long,
        value_name = "REV",
        conflicts_with_all = ["scale", "steps", "languages", "scripts", "pace", "counts", "store", "fleet", "publish"]
    )]
    compare: Option<String>,
    /// Replace the chart in the README by the new one
    #[arg(long, conflicts_with_all = ["scale", "steps", "languages", "scripts", "pace", "counts", "store", "fleet"])]
    publish: bool,
    /// Passed on to the program that measures, for example `-- --rounds 3 --only hello,concurrency`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The chart's path in the target directory, and in the checkout.
const CHART: &str = "bench/chart.svg";
const PUBLISHED: &str = "docs/performance.svg";
/// Figures of `--steps` and `--languages`, which have targets.
const STEPS: &str = "bench/steps.json";
const OF_LANGUAGES: &str = "bench/languages.json";

/// The `bench` command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.scale {
        return scale(workspace, options);
    }
    if options.steps {
        return life(workspace, options);
    }
    if options.languages {
        return languages(workspace, options);
    }
    if options.scripts {
        return scripts(workspace, options);
    }
    if options.pace {
        return pace(workspace, options);
    }
    if options.counts {
        return counts(workspace, options);
    }
    if options.store {
        return store(workspace, options);
    }
    if options.fleet {
        return fleet(workspace, options);
    }
    if let Some(name) = &options.compare {
        return compare(workspace, options, name);
    }
    steps::run(workspace, "bench", &[TARGET, SHIPPED, HELLO, MEASURED, COMPILED, RIVAL])?;
    let mut bench = Command::new(workspace.target("release/bulkhead-bench"));
    for (name, file) in [
        ("--native", workspace.target("release/native")),
        ("--native-one-thread", workspace.target("release/native-one-thread")),
        ("--floor", workspace.target("release/floor")),
        ("--lean", workspace.lean_bootstrap()),
        ("--full", workspace.bootstrap(Profile::Release)),
        ("--components", workspace.target(COMPONENTS)),
        ("--json", workspace.target("bench/results.json")),
        ("--svg", workspace.target(CHART)),
        ("--steps", workspace.target(STEPS)),
        ("--languages", workspace.target(OF_LANGUAGES)),
    ] {
        bench.arg(name).arg(file);
    }
    println!();
    call(bench.args(&options.arguments))?;
    if options.publish {
        let published = workspace.source(PUBLISHED);
        fs::copy(workspace.target(CHART), &published)
            .with_context(|| format!("copying the chart to {}", published.display()))?;
        println!("published: {}", published.display());
    }
    Ok(())
}

/// What is compared if the options do not say.
const COMPARED: &str = "start,hello,echo,orders,concurrency,rate";

fn compare(workspace: &Workspace, options: &Options, name: &str) -> Result<()> {
    let revision = Revision::find(workspace, name)?;
    let steps = [TARGET, SHIPPED, HELLO, MEASURED, COMPILED, RIVAL];
    steps::run(workspace, "bench --compare", &steps)?;
    let before = revision.build(workspace)?;
    let mut bench = Command::new(workspace.target("release/bulkhead-bench"));
    for (name, file) in [
        ("--lean", workspace.lean_bootstrap()),
        ("--components", workspace.target(COMPONENTS)),
        ("--before", before.lean),
        ("--before-components", before.components),
        ("--json", workspace.target("bench/compare.json")),
    ] {
        bench.arg(name).arg(file);
    }
    if !options.arguments.iter().any(|argument| argument.starts_with("--only")) {
        bench.args(["--only", COMPARED]);
    }
    println!("\nbefore: {}; after: this checkout. A ratio is after relative to before.", revision.shown());
    call(bench.args(&options.arguments))
}

fn counts(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run(workspace, "bench --counts", &[TARGET, SHIPPED, HELLO, MEASURED, COMPILED, RIVAL])?;
    let mut counts = Command::new(workspace.target("release/counts"));
    for (name, file) in [
        ("--native", workspace.target("release/native")),
        ("--native-one-thread", workspace.target("release/native-one-thread")),
        ("--lean", workspace.lean_bootstrap()),
        ("--cwasm", workspace.target(COMPONENTS).join("hello.cwasm")),
    ] {
        counts.arg(name).arg(file);
    }
    println!();
    call(counts.args(&options.arguments))
}

fn scale(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run(workspace, "bench --scale", &[TARGET, SHIPPED, HELLO, RIVAL])?;
    let mut scale = Command::new(workspace.target("release/scale"));
    for (name, file) in [
        ("--lean", workspace.lean_bootstrap()),
        ("--command", workspace.command_line(Profile::Release)),
        ("--wasm", workspace.guest("hello")),
        ("--json", workspace.target("bench/scale.json")),
    ] {
        scale.arg(name).arg(file);
    }
    println!();
    call(scale.args(&options.arguments))
}

fn store(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run(workspace, "bench --store", &[TARGET, SHIPPED, HELLO, RIVAL])?;
    let mut store = Command::new(workspace.target("release/store"));
    for (name, file) in [
        ("--lean", workspace.lean_bootstrap()),
        ("--command", workspace.command_line(Profile::Release)),
        ("--wasm", workspace.guest("hello")),
        ("--kept", workspace.target("bench/store")),
        ("--json", workspace.target("bench/store.json")),
    ] {
        store.arg(name).arg(file);
    }
    println!();
    call(store.args(&options.arguments))
}

fn fleet(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run(workspace, "bench --fleet", &[RIVAL])?;
    println!();
    call(Command::new(workspace.target("release/fleet")).args(&options.arguments))
}

fn languages(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run(workspace, "bench --languages", &[TARGET, SHIPPED, HELLO, LANGUAGES, RIVAL])?;
    let mut languages = Command::new(workspace.target("release/languages"));
    languages.arg("--lean").arg(workspace.lean_bootstrap());
    languages.arg("--command").arg(workspace.command_line(Profile::Release));
    let guests = ["hello", "c", "go", "javascript", "python"].map(|name| workspace.guest(name));
    languages.args(guests.iter().filter(|guest| guest.is_file()));
    languages.arg("--json").arg(workspace.target(OF_LANGUAGES));
    println!();
    call(languages.args(&options.arguments))
}

fn scripts(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run(workspace, "bench --scripts", &[TARGET, SHIPPED, ENGINE, HELLO, LANGUAGES, RIVAL])?;
    let mut scripts = Command::new(workspace.target("release/scripts"));
    for (name, file) in [
        ("--lean", workspace.lean_bootstrap()),
        ("--command", workspace.command_line(Profile::Release)),
        ("--engine", engine::component(workspace)),
        ("--json", workspace.target("bench/scripts.json")),
    ] {
        scripts.arg(name).arg(file);
    }
    let starlingmonkey = workspace.guest("javascript");
    if starlingmonkey.is_file() {
        scripts.arg("--starlingmonkey").arg(starlingmonkey);
    }
    println!();
    call(scripts.args(&options.arguments))
}

fn pace(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run(workspace, "bench --pace", &[TARGET, SHIPPED, GUESTS, RIVAL])?;
    let mut pace = Command::new(workspace.target("release/pace"));
    pace.env("BULKHEAD_CLI", workspace.command_line(Profile::Release));
    pace.env("BULKHEAD_BOOTSTRAP", workspace.bootstrap(Profile::Release));
    pace.env("BULKHEAD_BOOTSTRAP_LEAN", workspace.lean_bootstrap());
    pace.arg("--target-dir").arg(workspace.target("bench/pace"));
    println!();
    call(pace.args(&options.arguments))?;
    println!("The page of `bulkhead dev`, in Chromium:");
    // The test prints its own frame times; the rest of the test makes sure that they belong to the real page.
    call(e2e::tests(workspace, Profile::Release)?.args(["--quiet", "page::many"]))
}

fn life(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run(workspace, "bench --steps", &[TARGET, SHIPPED, HELLO, MEASURED, COMPILED, LIFE])?;
    let mut life = Command::new(workspace.target("release/steps"));
    life.arg("--cwasm").arg(workspace.target(COMPONENTS).join("hello.cwasm"));
    life.arg("--json").arg(workspace.target(STEPS));
    println!();
    call(life.args(&options.arguments))
}

/// The folder of the handlers to measure, as `.wasm` and `.cwasm`, named like the handlers.
pub(crate) const COMPONENTS: &str = "bench/components";
/// The handlers, and the guests that implement them.
pub(crate) const HANDLERS: [(&str, &str); 5] = [
    ("hello", "hello"),
    ("echo", "bench-echo"),
    ("orders", "bench-orders"),
    ("faulty", "bench-faulty"),
    ("scanner", "scanner"),
];

pub(crate) const COMPILED: Step = Step {
    name: "compile",
    title: "compiling the handlers to measure to .cwasm",
    needs: &["hello", "measured", "programs"],
    inputs: None,
    run: |workspace| {
        let directory = workspace.target(COMPONENTS);
        fs::create_dir_all(&directory)?;
        for (handler, guest) in HANDLERS {
            let wasm = directory.join(format!("{handler}.wasm"));
            let guest = workspace.guest(guest);
            fs::copy(&guest, &wasm).with_context(|| format!("copying {}", guest.display()))?;
            let mut bulkhead = Command::new(workspace.command_line(Profile::Release));
            call(bulkhead.arg("compile").arg(&wasm).arg("-o").arg(wasm.with_extension("cwasm")))?;
        }
        let scanner = directory.join("scanner.wasm");
        let mut bulkhead = Command::new(workspace.command_line(Profile::Release));
        bulkhead.args(["compile", "--preinit"]).arg(&scanner);
        call(bulkhead.arg("-o").arg(directory.join("scanner-preinit.cwasm")))?;
        Ok(Outcome::Done)
    },
};

const LIFE: Step = Step {
    name: "life",
    title: "building the program that measures a sandbox's life (release)",
    needs: &[],
    inputs: None,
    run: |workspace| {
        call(&mut workspace.cargo(["build", "--release", "--package", "bulkhead-bench-steps"]))?;
        Ok(Outcome::Done)
    },
};

const RIVAL: Step = Step {
    name: "rival",
    title: "building the same handlers on lambda_runtime, and the bench itself (release)",
    needs: &[],
    inputs: None,
    run: |workspace| {
        call(&mut workspace.cargo(["build", "--release", "--package", "bulkhead-bench"]))?;
        Ok(Outcome::Done)
    },
};
