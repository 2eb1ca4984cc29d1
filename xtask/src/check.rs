//! `cargo xtask test`: all checks, the cheap ones first. `.ci/run` calls only this.
//!
//! There are two lists of steps. The plain one contains the checks that a change has to pass; everything in
//! it is compiled with one set of features and one profile (`bootstraps.rs`), except for the bootstrap
//! without the compiler, which is compiled as it ships. `--release` tests what ships: all programs, for both
//! processors, with their sizes, put together and run by all end-to-end tests. Products that only the
//! end-to-end tests need are built after everything that can fail without them.

use anyhow::{Result, ensure};

use crate::arm64::ARM64;
use crate::axe::AXE;
use crate::book::BOOK;
use crate::bootstraps::{CLIPPY_OF_RELEASE, LEAN, PROGRAMS, SHIPPED, quick};
use crate::budgets::{BUDGETS, BUDGETS_OF_RELEASE};
use crate::compile::compile;
use crate::cyclonedx::CYCLONEDX;
use crate::deny::{ADVISORIES, DENY, DENY_OF_RELEASE};
use crate::deploy::DEPLOY;
use crate::dist::DIST;
use crate::e2e::{self, E2E, E2E_OF_RELEASE};
use crate::emulator::EMULATOR;
use crate::engine::{self, ENGINE, ENGINE_UNIT};
use crate::guests::GUESTS;
use crate::languages::LANGUAGES;
use crate::moto::MOTO;
use crate::msrv::MSRV;
use crate::package::{PACKAGE, PACKAGE_OF_RELEASE};
use crate::rooms::ROOMS;
use crate::sdk::SDK;
use crate::semver::SEMVER;
use crate::stamp::Inputs;
use crate::steps::{self, Outcome, Rerun, Step};
use crate::toolchain::TOOLCHAIN;
use crate::unit::{self, BENCH, RUST, UNIT, UNIT_OF_RELEASE};
use crate::workspace::{WASM, Workspace, in_ci, run as call};

/// The options of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Run only these steps and the steps that they need (separated by commas)
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Run only the unit tests of this package
    #[arg(long, value_name = "PACKAGE", conflicts_with_all = ["only", "release"])]
    package: Option<String>,
    /// Run only those unit tests or end-to-end tests whose names contain this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Leave out those end-to-end tests whose names contain this text
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["package", "release"])]
    skip: Option<String>,
    /// Test the programs of a release instead, for both processors
    #[arg(long)]
    pub(crate) release: bool,
    /// Run steps again even if their inputs have not changed since they passed (CI always does)
    #[arg(long)]
    all: bool,
    /// List the steps without running them
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
    if options.filter.is_some() || options.skip.is_some() {
        return matching(workspace, options, &steps);
    }
    let is_named = |step: &Step| options.only.iter().any(|name| name == step.name);
    steps::run_changed(workspace, command, &steps, |step| match () {
        () if options.all || is_named(step) => Rerun::All,
        () if in_ci() => Rerun::Checks,
        () => Rerun::Changed,
    })
}

/// Runs some of the end-to-end tests, with all the steps that they need.
fn matching(workspace: &Workspace, options: &Options, steps: &[Step]) -> Result<()> {
    ensure!(
        options.only == [E2E.name] && !options.release,
        "use --filter together with `--only {0}` or with `--package`, and --skip together with `--only {0}`",
        E2E.name
    );
    // This bootstrap takes a minute or more to link as it ships, and few tests start it. In CI the file may be of another commit.
    let keeps_lean = !in_ci() && workspace.lean_bootstrap().is_file();
    let is_needed = |step: &&Step| step.name != E2E.name && !(keeps_lean && step.name == LEAN.name);
    let needed: Vec<Step> = steps.iter().filter(is_needed).copied().collect();
    steps::run(workspace, "test", &needed)?;
    if keeps_lean {
        println!(
            "The bootstrap without the compiler is from an earlier build; build it again with `--only {}`.",
            LEAN.name
        );
    }
    e2e::matching(workspace, options.filter.as_deref(), options.skip.as_deref())
}

/// The checks that a change has to pass, in this order.
pub(crate) const STEPS: [Step; 27] = [
    TOOLCHAIN,
    FMT,
    ROOMS,
    DENY,
    CLIPPY_WASM,
    CLIPPY,
    MSRV,
    PACKAGE,
    DOC,
    BOOK,
    UNIT,
    ENGINE_UNIT,
    DOCTEST,
    BENCH,
    AXE,
    EMULATOR,
    CYCLONEDX,
    MOTO,
    SDK,
    DEPLOY,
    GUESTS,
    ENGINE,
    LANGUAGES,
    LEAN,
    BUDGETS,
    PROGRAMS,
    E2E,
];

/// The additional steps of a release, in this order.
pub(crate) const STEPS_OF_RELEASE: [Step; 21] = [
    TOOLCHAIN,
    DENY_OF_RELEASE,
    ADVISORIES,
    CLIPPY_OF_RELEASE,
    UNIT_OF_RELEASE,
    PACKAGE_OF_RELEASE,
    SEMVER,
    AXE,
    EMULATOR,
    CYCLONEDX,
    MOTO,
    SDK,
    DEPLOY,
    GUESTS,
    ENGINE,
    LANGUAGES,
    SHIPPED,
    ARM64,
    BUDGETS_OF_RELEASE,
    DIST,
    E2E_OF_RELEASE,
];

/// The sources of components.
const COMPONENTS: [&str; 5] = ["guest-sdk", "examples", "tests/guests", "bench/guests", engine::FOLDER];

const FMT: Step = Step {
    name: "fmt",
    title: "checking the formatting",
    needs: &["toolchain"],
    inputs: None,
    run: |workspace| {
        call(&mut workspace.cargo(["fmt", "--all", "--check"]))?;
        Ok(Outcome::Done)
    },
};

const CLIPPY_WASM: Step = Step {
    name: "clippy-wasm",
    title: "clippy on guest-sdk, examples, the engine and the guests of tests and bench, as components",
    needs: &["toolchain"],
    inputs: Some(Inputs::files(&["bench", "engines", "examples", "guest-sdk", "tests/guests", "wit"])),
    run: |workspace| {
        let mut clippy = workspace.cargo(["clippy", "--target", WASM]);
        for directory in COMPONENTS {
            for package in workspace.packages_below(directory) {
                clippy.args(["--package", &package.name]);
            }
        }
        clippy.envs(engine::variables(workspace));
        compile(workspace, clippy.args(["--", "--deny", "warnings"]))?;
        Ok(Outcome::Done)
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
        Ok(Outcome::Done)
    },
};

/// Libraries only, because the command and the SDK are both called `bulkhead`. The documentation of the host
/// is for its developers, so it includes private items and links to them; the other libraries are documented
/// again as their users see them. `--examples` selects nothing, but makes cargo unite the features that it
/// united for clippy, so that no dependency is checked again.
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
        Ok(Outcome::Done)
    },
};

const DOCTEST: Step = Step {
    name: "doctest",
    title: "running the examples in the documentation",
    needs: &["toolchain"],
    inputs: Some(RUST),
    run: |workspace| {
        call(quick(workspace, "test").arg("--doc"))?;
        Ok(Outcome::Done)
    },
};
