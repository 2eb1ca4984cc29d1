//! Cargo as a child process. Its messages go to stderr unchanged, and it keeps the terminal for its colours
//! and progress bar. They are not escaped: a build script can run anything on this machine anyway.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow, bail, ensure};
use cargo_metadata::Metadata;
use serde::Deserialize;

use super::Component;
use super::metadata::Package;
use super::profile;
use super::project::Project;
use super::target::WASM;
use super::unsuitable;

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

/// Builds the handlers of these packages. Each package is built alone, so that it gets exactly the features
/// it asks for.
pub(super) fn build(
    project: &Project,
    packages: &[Package],
    profile: &str,
) -> anyhow::Result<Vec<Component>> {
    let overrides = profile::overrides(&project.root, profile)?;
    let mut components = Vec::new();
    for package in packages {
        components.extend(build_one(project, package, profile, &overrides)?);
    }
    Ok(components)
}

fn build_one(
    project: &Project,
    package: &Package,
    profile: &str,
    overrides: &[String],
) -> anyhow::Result<Vec<Component>> {
    let mut command = cargo(&project.root);
    command.args(["build", "--target", WASM, "--profile", profile, "--package", &package.id]);
    command.arg("--message-format=json-render-diagnostics");
    for handler in &package.handlers {
        match handler.is_library {
            true => command.arg("--lib"),
            false => command.args(["--bin", &handler.target]),
        };
    }
    overrides.iter().for_each(|setting| {
        command.args(["--config", setting]);
    });
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(missing)?;
    let messages = child.stdout.take().context("cargo's stdout is missing")?;
    let mut components = Vec::new();
    for line in BufReader::new(messages).lines() {
        components.extend(component(&line.context("cargo's messages cannot be read")?, package));
    }
    let status = child.wait().context("cargo cannot be waited for")?;
    if !status.success() {
        let advice: String =
            unsuitable::of(project, package).iter().map(|warning| format!("\n{warning}")).collect();
        bail!("cargo could not build {}; see its messages above{advice}", package.name);
    }
    ensure!(
        components.len() == package.handlers.len(),
        "cargo built the package {}, but not all of its components",
        package.name
    );
    Ok(components)
}

/// The component that a message reports, if it belongs to this package.
fn component(line: &str, package: &Package) -> Option<Component> {
    let message: Message = serde_json::from_str(line).ok()?;
    let is_ours = message.reason == "compiler-artifact" && message.package_id.as_ref() == Some(&package.id);
    let target = message.target.filter(|_| is_ours)?;
    let handler = package.handlers.iter().find(|handler| handler.target == target.name)?;
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
        let package = Package { name: "my-hello".to_owned(), id: "p#1".to_owned(), handlers: vec![handler] };
        let line = |id: &str, file: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{id}","target":{{"name":"my_hello"}},"filenames":["{file}"]}}"#
            )
        };
        let found = component(&line("p#1", "/t/my_hello.wasm"), &package).unwrap();
        assert_eq!((found.name.as_str(), found.file), ("my-hello", PathBuf::from("/t/my_hello.wasm")));
        assert_eq!(component(&line("q#1", "/t/my_hello.wasm"), &package), None);
        assert_eq!(component(&line("p#1", "/t/my_hello.rlib"), &package), None);
        assert_eq!(component(r#"{"reason":"build-finished","success":true}"#, &package), None);
    }
}
