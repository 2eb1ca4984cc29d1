//! `cargo xtask test`: all checks, the cheap ones first. `.ci/run` calls this and nothing else.
//!
//! There are two lanes. The plain one holds what a change needs to be trusted; everything in it is compiled with one
//! set of features and one profile (`bootstraps.rs`), but for the bootstrap without compiler, which is compiled as it ships. `--release`
//! tests what ships: all programs, on both processors, weighed, put together and run by all end-to-end tests.
//! Products that only the end-to-end tests need are built after everything that can fail without them.

use anyhow::{Result, ensure};

use crate::arm64::ARM64;
use crate::axe::AXE;
use crate::book::BOOK;
use crate::bootstraps::{CLIPPY_OF_RELEASE, LEAN, PROGRAMS, SHIPPED, quick};
use crate::budgets::{BUDGETS, BUDGETS_OF_RELEASE};
use crate::compile::compile;
use crate::cyclonedx::CYCLONEDX;
use crate::deploy::DEPLOY;
use crate::dist::DIST;
use crate::e2e::{self, E2E, E2E_OF_RELEASE};
use crate::emulator::EMULATOR;
use crate::guests::GUESTS;
use crate::languages::LANGUAGES;
use crate::moto::MOTO;
use crate::rooms::ROOMS;
use crate::stamp::Inputs;
use crate::steps::{self, Ending, Rerun, Step};
use crate::toolchain::TOOLCHAIN;
use crate::unit::{self, BENCH, RUST, UNIT, UNIT_OF_RELEASE};
use crate::workspace::{WASM, Workspace, in_ci, run as call};

/// What `cargo xtask test` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Run these steps and what they need, and no others (a comma between names)
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<String>,
    /// Run the unit tests of this package, and nothing else
    #[arg(long, value_name = "PACKAGE", conflicts_with_all = ["only", "release"])]
    package: Option<String>,
    /// Of the unit tests of a package, or of the end-to-end tests, run only those whose names hold this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Test what ships instead: all programs as of a release, for both processors
    #[arg(long)]
    release: bool,
    /// Run the steps again that have passed with the very same inputs (CI runs all that check, and makes nothing twice)
    #[arg(long)]
    all: bool,
    /// Name the steps, run none
    #[arg(long)]
    list: bool,
}

/// The `test` command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if let Some(package) = &options.package {
        return unit::of(workspace, package, options.filter.as_deref());
    }
    let (command, all): (_, &[Step]) = match options.release {
        false => ("test", &STEPS),
        true => ("test --release", &STEPS_OF_RELEASE),
    };
    if options.list {
        all.iter().for_each(|step| println!("{:<11}  {}", step.name, step.title));
        return Ok(());
    }
    let steps = match options.only.is_empty() {
        true => all.to_vec(),
        false => steps::only(all, &options.only)?,
    };
    if let Some(filter) = &options.filter {
        return matching(workspace, options, &steps, filter);
    }
    let is_named = |step: &Step| options.only.iter().any(|name| name == step.name);
    steps::run_changed(workspace, command, &steps, |step| match () {
        () if options.all || is_named(step) => Rerun::All,
        () if in_ci() => Rerun::Checks,
        () => Rerun::Changed,
    })
}

/// Some of the end-to-end tests, with all that they need.
fn matching(workspace: &Workspace, options: &Options, steps: &[Step], filter: &str) -> Result<()> {
    ensure!(
        options.only == [E2E.name] && !options.release,
        "--filter goes with `--only {}` or with `--package`, and with nothing else",
        E2E.name
    );
    // It takes a minute and more to link as it ships, for the few tests that start it.
    let keeps_lean = workspace.lean_bootstrap().is_file();
    let is_needed = |step: &&Step| step.name != E2E.name && !(keeps_lean && step.name == LEAN.name);
    let needed: Vec<Step> = steps.iter().filter(is_needed).copied().collect();
    steps::run(workspace, "test", &needed)?;
    if keeps_lean {
        println!(
            "The bootstrap without compiler is that of an earlier build; `--only {}` makes it anew.",
            LEAN.name
        );
    }
    e2e::matching(workspace, filter)
}

/// What a change needs to be trusted, in this order.
const STEPS: [Step; 21] = [
    TOOLCHAIN,
    FMT,
    ROOMS,
    CLIPPY_WASM,
    CLIPPY,
    DOC,
    BOOK,
    UNIT,
    DOCTEST,
    BENCH,
    AXE,
    EMULATOR,
    CYCLONEDX,
    MOTO,
    DEPLOY,
    GUESTS,
    LANGUAGES,
    LEAN,
    BUDGETS,
    PROGRAMS,
    E2E,
];

/// What a release needs beside, in this order.
const STEPS_OF_RELEASE: [Step; 15] = [
    TOOLCHAIN,
    CLIPPY_OF_RELEASE,
    UNIT_OF_RELEASE,
    AXE,
    EMULATOR,
    CYCLONEDX,
    MOTO,
    DEPLOY,
    GUESTS,
    LANGUAGES,
    SHIPPED,
    ARM64,
    BUDGETS_OF_RELEASE,
    DIST,
    E2E_OF_RELEASE,
];

/// What components are made of.
const COMPONENTS: [&str; 4] = ["guest-sdk", "examples", "tests/guests", "bench/guests"];

const FMT: Step = Step {
    name: "fmt",
    title: "checking the formatting",
    needs: &["toolchain"],
    inputs: None,
    run: |workspace| {
        call(&mut workspace.cargo(["fmt", "--all", "--check"]))?;
        Ok(Ending::Done)
    },
};

const CLIPPY_WASM: Step = Step {
    name: "clippy-wasm",
    title: "clippy on guest-sdk, examples and the guests of tests and bench, as components",
    needs: &["toolchain"],
    inputs: Some(Inputs::files(&["bench", "examples", "guest-sdk", "tests/guests", "wit"])),
    run: |workspace| {
        let mut clippy = workspace.cargo(["clippy", "--target", WASM]);
        for directory in COMPONENTS {
            for package in workspace.packages_below(directory) {
                clippy.args(["--package", &package.name]);
            }
        }
        compile(workspace, clippy.args(["--", "--deny", "warnings"]))?;
        Ok(Ending::Done)
    },
};

const CLIPPY: Step = Step {
    name: "clippy",
    title: "clippy on everything",
    needs: &["toolchain"],
    inputs: Some(RUST),
    run: |workspace| {
        let mut clippy = quick(workspace, "clippy");
        compile(workspace, clippy.args(["--all-targets", "--", "--deny", "warnings"]))?;
        Ok(Ending::Done)
    },
};

/// Libraries only: the command and the SDK are both called `bulkhead`. Whoever reads about the host works on it, so private items
/// and links to them are in; the others are documented once more, as their users see them. `--examples` selects none, but
/// has cargo unite the features that it united for clippy, so that no dependency is checked again.
const DOC: Step = Step {
    name: "doc",
    title: "building the documentation with warnings denied",
    needs: &["toolchain"],
    inputs: Some(RUST),
    run: |workspace| {
        let private: &[&str] = &["--document-private-items"];
        for (what, lints) in [
            (private, "--deny warnings --allow rustdoc::private_intra_doc_links"),
            (&["--exclude", "bulkhead-host"], "--deny warnings"),
        ] {
            let mut doc = quick(workspace, "doc");
            doc.args(["--no-deps", "--lib", "--examples"]).args(what).env("RUSTDOCFLAGS", lints);
            compile(workspace, &doc)?;
        }
        Ok(Ending::Done)
    },
};

const DOCTEST: Step = Step {
    name: "doctest",
    title: "running the examples in the documentation",
    needs: &["toolchain"],
    inputs: Some(RUST),
    run: |workspace| {
        call(quick(workspace, "test").arg("--doc"))?;
        Ok(Ending::Done)
    },
};
