//! `cargo xtask test`: all checks, the cheap ones first. `.ci/run` calls this and nothing else.
//!
//! Two rules keep it affordable. Checks that want the same dependencies use the same packages and features,
//! so that Wasmtime is checked once, compiled once for debugging, twice for release (`bootstraps.rs`), and once for arm64
//! (`arm64.rs`).
//! Products that only the end-to-end tests need are built after everything that can fail without them.

use anyhow::Result;

use crate::arm64::ARM64;
use crate::axe::AXE;
use crate::book::BOOK;
use crate::bootstraps::PROGRAMS;
use crate::budgets::BUDGETS;
use crate::cyclonedx::CYCLONEDX;
use crate::deploy::DEPLOY;
use crate::dist::DIST;
use crate::e2e::E2E;
use crate::emulator::EMULATOR;
use crate::guests::GUESTS;
use crate::languages::LANGUAGES;
use crate::moto::MOTO;
use crate::steps::{self, Ending, Step};
use crate::toolchain::TOOLCHAIN;
use crate::workspace::{WASM, Workspace, run as call};

/// What `cargo xtask test` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Run these steps and what they need, and no others (a comma between names)
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<String>,
    /// Name the steps, run none
    #[arg(long)]
    list: bool,
}

/// The `test` command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.list {
        STEPS.iter().for_each(|step| println!("{:<11}  {}", step.name, step.title));
        return Ok(());
    }
    if options.only.is_empty() {
        return steps::run(workspace, "test", &STEPS);
    }
    steps::run(workspace, "test", &steps::only(&STEPS, &options.only)?)
}

/// In this order.
const STEPS: [Step; 20] = [
    TOOLCHAIN,
    FMT,
    CLIPPY_WASM,
    AXE,
    EMULATOR,
    CYCLONEDX,
    MOTO,
    DEPLOY,
    GUESTS,
    LANGUAGES,
    CLIPPY,
    DOC,
    BOOK,
    UNIT,
    DOCTEST,
    PROGRAMS,
    ARM64,
    BUDGETS,
    DIST,
    E2E,
];

const FMT: Step = Step {
    name: "fmt",
    title: "checking the formatting",
    needs: &["toolchain"],
    run: |workspace| cargo(workspace, &["fmt", "--all", "--check"]),
};

const CLIPPY_WASM: Step = Step {
    name: "clippy-wasm",
    title: "clippy on guest-sdk, examples and the guests of tests and bench, as components",
    needs: &["toolchain"],
    run: |workspace| {
        let mut clippy = workspace.cargo(["clippy", "--target", WASM]);
        for directory in ["guest-sdk", "examples", "tests/guests", "bench/guests"] {
            for package in workspace.packages_below(directory) {
                clippy.args(["--package", &package.name]);
            }
        }
        call(clippy.args(["--", "--deny", "warnings"]))?;
        Ok(Ending::Done)
    },
};

/// In three calls. The tests have dependencies whose features would have everything checked again for the
/// documentation, and the host without its compiler is another program.
const CLIPPY: Step = Step {
    name: "clippy",
    title: "clippy on everything, and on the host without its compiler",
    needs: &["toolchain"],
    run: |workspace| {
        let packages: [&[&str]; 3] = [
            &["--package", "bulkhead-tests", "--all-targets"],
            &["--workspace", "--exclude", "bulkhead-tests", "--all-targets"],
            &["--package", "bulkhead-host", "--package", "bulkhead-bootstrap", "--no-default-features"],
        ];
        for packages in packages {
            cargo(workspace, &[&["clippy"], packages, &["--", "--deny", "warnings"]].concat())?;
        }
        Ok(Ending::Done)
    },
};

/// Libraries only: the command and the SDK are both called `bulkhead`. Whoever reads about the host works on
/// it, so private items and links to them are in; the SDK is documented as its users see it.
const DOC: Step = Step {
    name: "doc",
    title: "building the documentation with warnings denied",
    needs: &["toolchain"],
    run: |workspace| {
        let mut ours =
            workspace.cargo(["doc", "--no-deps", "--lib", "--workspace", "--document-private-items"]);
        let allowed = "--deny warnings --allow rustdoc::private_intra_doc_links";
        call(ours.env("RUSTDOCFLAGS", allowed))?;
        let mut public = workspace.cargo(["doc", "--no-deps", "--lib"]);
        public.args(["--package", "bulkhead", "--package", "bulkhead-macros", "--all-features"]);
        call(public.env("RUSTDOCFLAGS", "--deny warnings"))?;
        Ok(Ending::Done)
    },
};

const UNIT: Step = Step {
    name: "unit",
    title: "unit and compile-fail tests (Wasmtime takes a few minutes the first time)",
    needs: &["toolchain"],
    run: |workspace| test(workspace, &["--lib", "--bins", "--tests"]),
};

const DOCTEST: Step = Step {
    name: "doctest",
    title: "running the examples in the documentation",
    needs: &["toolchain"],
    run: |workspace| test(workspace, &["--doc"]),
};

/// Tests all packages but those of the end-to-end tests.
fn test(workspace: &Workspace, kinds: &[&str]) -> Result<Ending> {
    let mut tests = workspace.cargo(["test", "--workspace"]);
    for package in workspace.packages_below("tests") {
        tests.args(["--exclude", &package.name]);
    }
    call(tests.args(kinds))?;
    Ok(Ending::Done)
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<Ending> {
    call(&mut workspace.cargo(arguments))?;
    Ok(Ending::Done)
}
