//! Builds the handlers of a project into its task root, and knows the folders that a build reads.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use cargo_metadata::camino::Utf8Path;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

use crate::build::parse_metadata;
use crate::dev::console;
use crate::output::Progress;

/// The profile during development: builds are quick, and components are small enough to load quickly.
const PROFILE: [(&str, &str); 3] = [
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_DEV_STRIP", "debuginfo"),
    ("CARGO_PROFILE_DEV_DEBUG", "false"),
];

/// Builds a project with `bulkhead build`. If it cannot be built or run, the error has the output of the
/// build.
pub(super) async fn build(sources: &Path, progress: &Progress) -> anyhow::Result<()> {
    let this = std::env::current_exe().context("the file of this command cannot be found")?;
    let mut command = command(this, sources);
    command.args(["build", "--profile", "dev"]).envs(PROFILE).stdout(Stdio::piped()).stderr(Stdio::piped());
    let cannot_start = "`bulkhead build` cannot be started";
    let mut child = command.spawn().context(cannot_start)?;
    let (stdout, stderr) =
        (child.stdout.take().context(cannot_start)?, child.stderr.take().context(cannot_start)?);
    // Cargo prints a line for each crate, of which the last one is enough. The output of other tools is shown as it
    // comes.
    let is_cargo = is_cargo(sources);
    let each = |line: &str| match is_cargo {
        true => progress.detail(&format!("bulkhead dev: {}", line.trim())),
        false => console::say(line),
    };
    let (errors, report) = tokio::join!(read_lines(stderr, each), read_lines(stdout, |_| ()));
    let status = child.wait().await.context("`bulkhead build` cannot be waited for")?;
    ensure!(status.success(), "{}", (errors + &report).trim_end());
    Ok(())
}

/// Reads the output of a program. Each line that is not empty is passed on as it comes, too.
async fn read_lines(output: impl AsyncRead + Unpin, each: impl Fn(&str)) -> String {
    let mut output = BufReader::new(output);
    let (mut all, mut line) = (String::new(), Vec::new());
    while output.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            each(text.trim_end());
        }
        all += &text;
        line.clear();
    }
    all
}

fn is_cargo(sources: &Path) -> bool {
    sources.join("Cargo.toml").is_file()
}

/// The folders that a build reads, each with or without the folders below it, but without the build output.
pub(super) async fn watched(sources: &Path) -> anyhow::Result<BTreeSet<(PathBuf, bool)>> {
    if !is_cargo(sources) {
        // Changes come with absolute paths. If these were relative, each file beside the sources would count as one, such as the
        // log of this command, and each line in it would start a build.
        let sources = std::path::absolute(sources).context("the current folder cannot be found")?;
        return Ok(beside_and_below([&*sources], None));
    }
    let mut command = command("cargo", sources);
    command.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
    let output = command.output().await.context("cargo cannot be started")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim_end());
    let metadata = parse_metadata(&output.stdout)?;
    let packages = metadata.packages.iter();
    let folders = packages.clone().filter_map(|package| package.manifest_path.parent());
    let dependencies = packages.flat_map(|package| &package.dependencies);
    let beside = dependencies.filter_map(|dependency| dependency.path.as_deref());
    let all = folders.chain(beside).chain([metadata.workspace_root.as_path()]);
    Ok(beside_and_below(all.map(Utf8Path::as_std_path), Some(metadata.target_directory.as_std_path())))
}

fn beside_and_below<'p>(
    folders: impl IntoIterator<Item = &'p Path>,
    target: Option<&Path>,
) -> BTreeSet<(PathBuf, bool)> {
    let mut watched = BTreeSet::new();
    for folder in folders {
        watched.insert((folder.to_owned(), false));
        let entries =
            std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let below = entries.filter(|path| path.is_dir() && Some(path.as_path()) != target && !is_aside(path));
        watched.extend(below.map(|path| (path, true)));
    }
    watched
}

/// Whether a folder is not a source: it belongs to version control, to an editor, to installed tools, or to
/// the build output.
pub(super) fn is_aside(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with('.') || ["__pycache__", "node_modules", "target", "venv"].contains(&name)
}

fn command(program: impl AsRef<OsStr>, sources: &Path) -> Command {
    let mut command = Command::new(program);
    // The build must not outlive this command.
    command.current_dir(sources).stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn folders_are_watched_by_their_absolute_paths() {
        let folder = tempfile::tempdir().unwrap();
        for below in ["src", "target", ".git"] {
            std::fs::create_dir(folder.path().join(below)).unwrap();
        }
        let found = watched(folder.path()).await.unwrap();
        let expected = [(folder.path().to_owned(), false), (folder.path().join("src"), true)];
        assert_eq!(found, BTreeSet::from(expected));
        // Tests run in the folder of this package, which is one of cargo's.
        let relative = watched(Path::new("templates")).await.unwrap();
        assert!(!relative.is_empty() && relative.iter().all(|(path, _)| path.is_absolute()), "{relative:?}");
    }
}
