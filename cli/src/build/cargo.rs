//! Cargo as a child process. Its messages go to stderr unchanged, and it keeps the terminal for its colours
//! and progress bar. They are not escaped: a build script can run anything on this machine anyway.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow, bail, ensure};
use cargo_metadata::Metadata;
use serde::Deserialize;

use super::Component;
use super::metadata::{Handler, Package};
use super::project::Project;
use super::stack::{self, Stack};
use super::target::WASM;
use super::{profile, rustflags, unsuitable};

/// One JSON message on cargo's stdout.
#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

/// The components of a build.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) components: Vec<Component>,
    /// What the packages say that has no effect.
    pub(super) warnings: Vec<String>,
}

/// The arguments that all handlers of a build have in common.
struct Settings<'a> {
    profile: &'a str,
    /// What cargo is told of this profile.
    overrides: Vec<String>,
    /// Whether the user's own flags set the size of the stack.
    has_own_stack: bool,
}

/// Builds the handlers of these packages. Each handler is built alone: it gets exactly the features that its
/// package asks for, and cargo takes flags of the linker for one target only.
pub(super) fn build(project: &Project, packages: &[Package], profile: &str) -> anyhow::Result<Built> {
    let overrides = profile::overrides(&project.root, profile)?;
    let has_own_stack = rustflags::set_a_stack(&project.root)?;
    let settings = Settings { profile, overrides, has_own_stack };
    let mut built = Built::default();
    for package in packages {
        let stack = stack::of(package, project)?;
        if settings.has_own_stack && stack.is_asked_for {
            built.warnings.push(stack::without_effect(package, project));
        }
        // Cargo links a library with its own settings once more, when it builds a program that uses it.
        let (libraries, programs): (Vec<_>, Vec<_>) =
            package.handlers.iter().partition(|handler| handler.is_library);
        for handler in programs.into_iter().chain(libraries) {
            built.components.push(build_one(project, package, handler, stack, &settings)?);
        }
    }
    Ok(built)
}

fn build_one(
    project: &Project,
    package: &Package,
    handler: &Handler,
    stack: Stack,
    settings: &Settings<'_>,
) -> anyhow::Result<Component> {
    let mut command = cargo(&project.root);
    command.args(["rustc", "--target", WASM, "--profile", settings.profile, "--package", &package.id]);
    command.arg("--message-format=json-render-diagnostics");
    match handler.is_library {
        true => command.arg("--lib"),
        false => command.args(["--bin", &handler.target]),
    };
    settings.overrides.iter().for_each(|setting| {
        command.args(["--config", setting]);
    });
    if !settings.has_own_stack {
        command.args(["--", "-C", &stack.link_arg()]);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(missing)?;
    let messages = child.stdout.take().context("cargo's stdout is missing")?;
    let mut found = None;
    for line in BufReader::new(messages).lines() {
        found = component(&line.context("cargo's messages cannot be read")?, package, handler).or(found);
    }
    let status = child.wait().context("cargo cannot be waited for")?;
    if !status.success() {
        let advice: String =
            unsuitable::of(project, package).iter().map(|warning| format!("\n{warning}")).collect();
        bail!("cargo could not build {}; see its messages above{advice}", package.name);
    }
    found.with_context(|| format!("cargo built {}, but no component of it", handler.name))
}

/// The component that a message reports, if it is this handler.
fn component(line: &str, package: &Package, handler: &Handler) -> Option<Component> {
    let message: Message = serde_json::from_str(line).ok()?;
    let is_ours = message.reason == "compiler-artifact" && message.package_id.as_ref() == Some(&package.id);
    message.target.filter(|target| is_ours && target.name == handler.target)?;
    let file =
        message.filenames.into_iter().find(|file| file.extension().is_some_and(|end| end == "wasm"))?;
    Some(Component { name: handler.name.clone(), file })
}

/// The members of the project in a folder, without their dependencies.
pub(super) fn metadata(folder: &Path, options: &[&str]) -> anyhow::Result<Metadata> {
    let arguments = [&["metadata", "--no-deps", "--format-version", "1"], options].concat();
    parse_metadata(&output(folder, &arguments)?)
}

/// Reads the output of `cargo metadata`.
pub(crate) fn parse_metadata(json: &[u8]) -> anyhow::Result<Metadata> {
    serde_json::from_slice(json).context("the output of `cargo metadata` cannot be read")
}

/// The stdout of a cargo command.
pub(super) fn output(folder: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = cargo(folder).args(arguments).stderr(Stdio::inherit()).output().map_err(missing)?;
    ensure!(output.status.success(), "`cargo {}` failed; see its messages above", arguments.join(" "));
    Ok(output.stdout)
}

/// The stdout of a cargo command. `None` if it fails, which nobody is told.
pub(super) fn quiet_output(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = cargo(folder).args(arguments).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok().filter(|_| output.status.success())
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn missing(error: std::io::Error) -> anyhow::Error {
    if error.kind() == ErrorKind::NotFound {
        return anyhow!("there is no `cargo` on the PATH; install Rust from https://rustup.rs");
    }
    anyhow::Error::from(error).context("cargo cannot be started")
}

#[cfg(test)]
mod tests {
    use super::super::metadata::Handler;
    use super::*;

    #[test]
    fn a_component_is_found_under_its_handler_s_name() {
        let handler =
            Handler { name: "my-hello".to_owned(), target: "my_hello".to_owned(), is_library: true };
        let other = Handler { name: "other".to_owned(), target: "other".to_owned(), is_library: false };
        let package = Package {
            name: "my-hello".to_owned(),
            id: "p#1".to_owned(),
            manifest: PathBuf::new(),
            handlers: Vec::new(),
        };
        let component = |line: &str, handler| component(line, &package, handler);
        let line = |id: &str, file: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{id}","target":{{"name":"my_hello"}},"filenames":["{file}"]}}"#
            )
        };
        let found = component(&line("p#1", "/t/my_hello.wasm"), &handler).unwrap();
        assert_eq!((found.name.as_str(), found.file), ("my-hello", PathBuf::from("/t/my_hello.wasm")));
        assert_eq!(component(&line("p#1", "/t/my_hello.wasm"), &other), None);
        assert_eq!(component(&line("q#1", "/t/my_hello.wasm"), &handler), None);
        assert_eq!(component(&line("p#1", "/t/my_hello.rlib"), &handler), None);
        assert_eq!(component(r#"{"reason":"build-finished","success":true}"#, &handler), None);
    }
}
