//! `bulkhead build`: builds the handlers of a project, checks them, and fills the folder that the bootstrap
//! runs.

pub(crate) mod bytecode;
mod cargo;
mod crates;
mod metadata;
mod precompile;
mod print;
mod profile;
mod project;
mod rustflags;
mod scripts;
mod stack;
pub(crate) mod target;
mod task_root;
mod unsuitable;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::policy::manifest;
use bulkhead_host::text::printable::Shown as _;
use clap::Args;

use crate::check::{self, Summary};
use crate::{files, output};
use cargo::Built;
pub(crate) use cargo::parse_metadata;
pub(crate) use crates::Crates;
use print::Report;
pub(crate) use project::Project;
pub(crate) use scripts::{engine_code, is_shipped};
pub(crate) use task_root::PLACE;
use task_root::TaskRoot;

/// Build the handlers of a project as components, check them, and put them into target/bulkhead.
///
/// A package is built if it is a `cdylib` (`crate-type = ["cdylib"]`) or a program, and either depends on
/// `bulkhead-sdk` or is named in bulkhead.toml. If bulkhead.toml sets `build.command`, that command runs
/// instead of cargo; it must leave each component at the `source` of its handler, relative to bulkhead.toml.
/// Scripts are copied, together with the engine that runs them.
/// `bulkhead build` adds the Rust target wasm32-wasip2 if it is missing, copies the files that bulkhead.toml
/// grants, and compiles the components for this machine, so that they start faster. The exit code is 1 if the
/// bootstrap would reject the result.
///
/// A handler in Rust is linked with a stack of 128 KiB, since the whole stack is reset for each event. If a
/// handler needs more, set `stack = "1MiB"` under `[package.metadata.bulkhead]` in its Cargo.toml.
///
/// Example: bulkhead build
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The project, or a folder in it
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Build only this package; repeat the option for more
    #[arg(long, short, value_name = "NAME")]
    package: Vec<String>,
    /// The cargo profile to build with
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
    /// Build with the profile `release`, which is the default
    #[arg(long, short, conflicts_with = "profile")]
    release: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A component that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Component {
    /// The name of the package or program. The handler has this name too, unless `bulkhead.toml` gives it
    /// another.
    pub(crate) name: String,
    /// The path of the built component.
    pub(crate) file: PathBuf,
}

impl Build {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let project = Project::find(&self.folder)?;
        let Built { components, warnings } = self.components(&project)?;
        let root = TaskRoot::of(&project, &components)?;
        root.fill(self.package.is_empty())?;
        root.compile_engines()?;
        let mut summary = check(&project, &root)?;
        summary.warnings.extend(warnings);
        let report = Report::new(&root, &project.manifest, summary)?;
        if report.mistakes.is_empty() {
            root.compile()?;
            root.compile_scripts(&project.manifest)?;
        }
        if self.json {
            output::print_json(&report)?;
        } else {
            output::print(print::text(&report))?;
        }
        Ok(if report.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Builds the components.
    fn components(&self, project: &Project) -> anyhow::Result<Built> {
        if let Some(build) = &project.manifest.build {
            ensure!(
                self.package.is_empty(),
                "{} is built by its build.command, so there are no packages to choose from; leave out --package",
                project.shown.shown()
            );
            let components = by_command(project, build)?;
            // A script may be what it made, such as a bundle.
            scripts::check(project)?;
            return Ok(Built { components, warnings: Vec::new() });
        }
        scripts::check(project)?;
        if scripts::are_all(project) {
            return Ok(Built { components: Vec::new(), warnings: Vec::new() });
        }
        let found = metadata::handlers(project, &self.package)?;
        target::ensure(&project.root)?;
        let mut built = cargo::build(project, &found.packages, &self.profile)?;
        if !found.ignored.is_empty() {
            built.warnings.push(metadata::without_effect(&found.ignored));
        }
        built.warnings.extend(found.packages.iter().flat_map(|package| unsuitable::of(project, package)));
        Ok(built)
    }
}

/// The names of a project's handlers, found without a build.
pub(crate) fn handlers(project: &Project) -> anyhow::Result<Vec<String>> {
    if !project.manifest.handlers.is_empty() {
        return Ok(project.manifest.handlers.iter().map(|handler| handler.name.clone()).collect());
    }
    let packages = metadata::handlers(project, &[])?.packages;
    Ok(packages.into_iter().flat_map(|package| package.handlers).map(|handler| handler.name).collect())
}

/// Runs the project's own build command, and collects the components that it leaves.
fn by_command(project: &Project, build: &manifest::Build) -> anyhow::Result<Vec<Component>> {
    ensure!(
        !project.manifest.handlers.is_empty(),
        "{}: list the components that build.command makes: add [handlers.NAME] for each",
        project.file().shown()
    );
    let workdir =
        build.workdir.as_ref().map_or_else(|| project.root.clone(), |workdir| project.root.join(workdir));
    if !workdir.is_dir() {
        let shown = project.shown.join(build.workdir.as_deref().unwrap_or_else(|| Path::new(".")));
        return Err(files::no_folder(&shown).context(format!("{}: build.workdir", project.file().shown())));
    }
    let mut shell = Command::new("sh");
    // Its output goes to stderr: stdout is for the result of this command.
    shell.args(["-c", &build.command]).current_dir(workdir).stdin(Stdio::null()).stdout(std::io::stderr());
    let status = shell.status().context("build.command needs the shell `sh`, which cannot be started")?;
    ensure!(status.success(), "build.command `{}` failed ({status}); see its messages above", build.command);
    let components = project.manifest.handlers.iter().filter(|handler| handler.script.is_none());
    components.map(|handler| left(project, handler)).collect()
}

fn left(project: &Project, handler: &manifest::Handler) -> anyhow::Result<Component> {
    let file = project.root.join(&handler.source);
    if !file.is_file() {
        bail!(
            "build.command did not create {}, the source of the handler {}",
            project.shown.join(&handler.source).shown(),
            handler.name
        );
    }
    Ok(Component { name: handler.name.clone(), file })
}

/// Checks the task root as the bootstrap would. Without handlers in `bulkhead.toml`, each component is a
/// handler.
fn check(project: &Project, root: &TaskRoot) -> anyhow::Result<Summary> {
    if !project.manifest.handlers.is_empty() || scripts::are_all(project) {
        return check::summary(&root.shown, None);
    }
    let mut all = Summary::default();
    for component in root.components() {
        let name = Path::new(component).with_extension("");
        all.add(check::summary(&root.shown, Some(&name.display().to_string()))?);
    }
    Ok(all)
}
