//! Checks the dependencies against `deny.toml`: their licences, where they come from, how many versions of each there are, and
//! whether a vulnerability is known.
//!
//! cargo-deny checks all of that. Compiling it takes a minute and a half, so it runs only with `--release`: for each pull request, every
//! night and before each release. [`rules`] reads the same file and checks, in every run and in less than a second, what a
//! change breaks most easily.

mod rules;

use std::env;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::MetadataCommand;

use self::rules::{Dependency, Rules};
use crate::fetched::Fetched;
use crate::steps::{Outcome, Step};
use crate::tool::Tool;
use crate::workspace::{Workspace, run, works};

/// The file with the rules. cargo-deny looks for it under this name.
const RULES: &str = "deny.toml";

/// The program that checks all rules.
const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", arguments: &[] };

/// This variable is `required` where a run must not pass without the database of vulnerabilities.
const VARIABLE: &str = "BULKHEAD_ADVISORIES";

/// Checks licences and sources, without another program.
pub(crate) const DENY: Step = Step {
    name: "deny",
    title: "checking the licences and the sources of all dependencies",
    needs: &[],
    inputs: None,
    run: |workspace| {
        check(workspace)?;
        Ok(Outcome::Done)
    },
};

/// Checks the same, and runs cargo-deny.
pub(crate) const DENY_OF_RELEASE: Step = Step {
    name: "deny",
    title: "checking licences, sources and versions of all dependencies (cargo-deny is compiled the first time)",
    needs: &[],
    inputs: None,
    run: |workspace| {
        check(workspace)?;
        let installed = CARGO_DENY.install(workspace)?;
        if matches!(installed, Fetched::Ready) {
            run(cargo_deny(workspace).args([
                "check",
                "--hide-inclusion-graph",
                "licenses",
                "bans",
                "sources",
            ]))?;
        }
        installed.outcome("Only the licences and the sources of dependencies were checked")
    },
};

/// Looks for known vulnerabilities of the dependencies.
pub(crate) const ADVISORIES: Step = Step {
    name: "advisories",
    title: "looking for known vulnerabilities of the dependencies",
    needs: &["deny"],
    inputs: None,
    run: |workspace| {
        if let Fetched::Impossible(reason) = CARGO_DENY.install(workspace)? {
            return without_advisories(&reason);
        }
        if !works(cargo_deny(workspace).args(["fetch", "db"])) {
            return without_advisories("the database of RustSec is on GitHub, which cannot be reached");
        }
        run(cargo_deny(workspace).args(["check", "--hide-inclusion-graph", "advisories"]))?;
        Ok(Outcome::Done)
    },
};

/// Skips the step, also in CI: a change of this repository cannot make the result worse. The nightly run requires the database.
fn without_advisories(reason: &str) -> Result<Outcome> {
    let is_required = env::var_os(VARIABLE).is_some_and(|value| value == "required");
    ensure!(!is_required, "{reason}, and {VARIABLE} is `required`");
    Ok(Outcome::Skipped(format!(
        "{reason}. Known vulnerabilities were NOT looked for; with {VARIABLE}=required this is an error"
    )))
}

fn cargo_deny(workspace: &Workspace) -> Command {
    let mut command = Command::new(CARGO_DENY.program(workspace));
    command.arg("--locked").current_dir(workspace.source(""));
    command
}

fn check(workspace: &Workspace) -> Result<()> {
    let file = workspace.source(RULES);
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let rules = Rules::read(&text).with_context(|| format!("reading {RULES}"))?;
    let dependencies = dependencies(workspace, &rules)?;
    let problems = rules.problems(&dependencies);
    ensure!(problems.is_empty(), "{RULES} does not allow:\n{}", problems.join("\n"));
    println!("      {RULES} allows all {} packages", dependencies.len());
    Ok(())
}

/// All packages that are compiled for one of the targets in the rules.
fn dependencies(workspace: &Workspace, rules: &Rules) -> Result<Vec<Dependency>> {
    let mut options = vec!["--locked".to_owned()];
    options.extend(rules.targets.iter().map(|target| format!("--filter-platform={target}")));
    let mut metadata = MetadataCommand::new();
    metadata.current_dir(workspace.source("")).other_options(options);
    let packages = metadata.exec().context("running `cargo metadata`")?.packages;
    Ok(packages.into_iter().map(Dependency::from).collect())
}
