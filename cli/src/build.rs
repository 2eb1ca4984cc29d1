//! `bulkhead build`: from the sources of a project to the folder that the bootstrap will run, checked.

mod ahead;
mod cargo;
mod crates;
mod metadata;
mod print;
mod profile;
mod project;
pub(crate) mod target;
mod task_root;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::policy::manifest;
use bulkhead_host::text::printable::Shown as _;
use clap::Args;

use crate::check::{self, Verdict};
use crate::output;
pub(crate) use crates::Crates;
use print::Report;
pub(crate) use project::Project;
pub(crate) use task_root::PLACE;
use task_root::TaskRoot;

/// Build the handlers of a project as components, check them, and put them into target/bulkhead.
///
/// A handler is a package with `crate-type = ["cdylib"]`, or a program, that depends on `bulkhead` or is named by
/// bulkhead.toml. Where bulkhead.toml has `build.command`, that is run instead of cargo; it leaves each component at its
/// handler's `source`, beside bulkhead.toml. The Rust target wasm32-wasip2 is added where it is missing. What bulkhead.toml
/// grants of files goes along. Components are compiled for this machine as well, so that no start has to. The exit code is 1 if the bootstrap would refuse something.
///
/// Example: bulkhead build
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The project, or a folder in it
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Only this package; may be given more than once
    #[arg(long, short, value_name = "NAME")]
    package: Vec<String>,
    /// The profile of cargo to build with
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
    /// Build with the profile `release`, as it is done anyway
    #[arg(long, short, conflicts_with = "profile")]
    release: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A component that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Component {
    /// That of its package or program, which is its handler's unless `bulkhead.toml` says otherwise.
    pub(crate) name: String,
    /// Where it was left.
    pub(crate) file: PathBuf,
}

impl Build {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let project = Project::find(&self.folder)?;
        let (components, warning) = self.components(&project)?;
        let root = TaskRoot::of(&project, &components);
        root.fill(self.package.is_empty())?;
        let mut verdict = check(&project, &root)?;
        verdict.warnings.extend(warning);
        let report = Report::new(&root, verdict)?;
        if report.mistakes.is_empty() {
            root.compile()?;
        }
        if self.json {
            output::print_json(&report)?;
        } else {
            output::print(print::text(&report))?;
        }
        Ok(if report.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The components, and what there is to say of how they were found.
    fn components(&self, project: &Project) -> anyhow::Result<(Vec<Component>, Option<String>)> {
        if let Some(build) = &project.manifest.build {
            ensure!(
                self.package.is_empty(),
                "{} is built by its build.command, which knows no packages; leave out --package",
                project.shown.shown()
            );
            return Ok((by_command(project, build)?, None));
        }
        let found = metadata::handlers(project, &self.package)?;
        target::ensure(&project.root)?;
        let warning = (!found.ignored.is_empty()).then(|| metadata::without_effect(&found.ignored));
        Ok((cargo::build(project, &found.packages, &self.profile)?, warning))
    }
}

/// The handlers of a project by their names, without building them.
pub(crate) fn handlers(project: &Project) -> anyhow::Result<Vec<String>> {
    if !project.manifest.handlers.is_empty() {
        return Ok(project.manifest.handlers.iter().map(|handler| handler.name.clone()).collect());
    }
    let packages = metadata::handlers(project, &[])?.packages;
    Ok(packages.into_iter().flat_map(|package| package.handlers).map(|handler| handler.name).collect())
}

/// Runs the project's own command, and finds what it left.
fn by_command(project: &Project, build: &manifest::Build) -> anyhow::Result<Vec<Component>> {
    ensure!(
        !project.manifest.handlers.is_empty(),
        "{}: build.command needs to know which components it makes; add [handlers.NAME] for each",
        project.file().shown()
    );
    let workdir =
        build.workdir.as_ref().map_or_else(|| project.root.clone(), |workdir| project.root.join(workdir));
    ensure!(workdir.is_dir(), "{}: build.workdir: there is no such folder", project.file().shown());
    let mut shell = Command::new("sh");
    // What it prints is no result of this command.
    shell.args(["-c", &build.command]).current_dir(workdir).stdin(Stdio::null()).stdout(std::io::stderr());
    let status = shell.status().context("the shell `sh` cannot be started, which runs build.command")?;
    ensure!(status.success(), "build.command failed with {status}: {}", build.command);
    project.manifest.handlers.iter().map(|handler| left(project, handler)).collect()
}

fn left(project: &Project, handler: &manifest::Handler) -> anyhow::Result<Component> {
    let file = project.root.join(&handler.source);
    if !file.is_file() {
        bail!(
            "build.command left no {}, which is the source of the handler {}",
            project.shown.join(&handler.source).shown(),
            handler.name
        );
    }
    Ok(Component { name: handler.name.clone(), file })
}

/// What the bootstrap will say of it. Where `bulkhead.toml` names no handlers, each component is one.
fn check(project: &Project, root: &TaskRoot) -> anyhow::Result<Verdict> {
    if !project.manifest.handlers.is_empty() {
        return check::verdict(&root.shown, None);
    }
    let mut all = Verdict::default();
    for component in root.components() {
        let name = Path::new(component).with_extension("");
        all.add(check::verdict(&root.shown, Some(name.display().to_string()))?);
    }
    Ok(all)
}
