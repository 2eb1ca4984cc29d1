//! `bulkhead new`: creates a project that builds and passes its own test at once. The files are part of this
//! program, so no network is needed.

mod name;
mod sdk;
mod template;

use std::ffi::OsStr;
use std::io::{self, ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bulkhead_host::text::printable::Shown as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{files, output};
use name::Name;
use template::{TEMPLATES, Template};

/// Create a project: a handler, its test if it has one, a sample event, and a bulkhead.toml.
///
/// Without --template, it asks for a template if it runs on a terminal; otherwise it uses `hello`.
///
/// Example: bulkhead new hello --template http
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The folder to create; its last part is the name of the project
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// The template to start from
    #[arg(long, short, value_name = "TEMPLATE", value_parser = template::parser())]
    template: Option<&'static Template>,
    /// The name of the project [default: the folder's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The `guest-sdk` folder of a checkout of Bulkhead, to use in place of the SDK that comes with this
    /// command
    #[arg(long, value_name = "DIR")]
    sdk_path: Option<PathBuf>,
}

impl New {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let name = self.name()?;
        let checkout = self.sdk_path.as_deref().map(checkout).transpose()?;
        vacant(&self.path)?;
        let template = match self.template {
            Some(template) => template,
            None => choose()?,
        };
        if checkout.is_some() && !template.is_rust() {
            output::tell(&format!(
                "the template {} does not use the SDK, so --sdk-path has no effect",
                template.name
            ));
        }
        std::fs::create_dir_all(&self.path)
            .with_context(|| format!("{} cannot be created", self.path.shown()))?;
        let workspace = workspace_around(&self.path).filter(|_| template.is_rust());
        let sdk = match checkout {
            None if template.is_rust() => sdk::put(&self.path, workspace.as_deref())?,
            given => given.unwrap_or_default(),
        };
        for (file, text) in template.files {
            write(&self.path.join(file), &template::filled(text, &name, &sdk))?;
        }
        output::tell(&next(template, &self.path, std::env::var_os("PATH").unwrap_or_default().as_ref()));
        if let Some(manifest) = workspace {
            let sdk = if sdk.is_absolute() { sdk } else { manifest.with_file_name(sdk::FOLDER) };
            output::tell(&format!(
                "\n{} is a workspace: if its `members` do not include this folder, add it there. The SDK is \
                 in {}.",
                manifest.shown(),
                sdk.shown(),
            ));
        }
        Ok(())
    }

    fn name(&self) -> anyhow::Result<Name> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => {
                let folder = self.path.file_name().with_context(|| {
                    format!("{} does not end in a name; pass --name NAME", self.path.shown())
                })?;
                folder.to_string_lossy().into_owned()
            }
        };
        Ok(name.parse()?)
    }
}

/// The absolute path of a checkout's SDK: the project's folder is another than the current one.
fn checkout(path: &Path) -> anyhow::Result<PathBuf> {
    if !path.is_dir() {
        return Err(files::no_folder(path));
    }
    let found = std::fs::canonicalize(path).ok().filter(|path| path.join("Cargo.toml").is_file());
    found.with_context(|| {
        format!(
            "{}: this folder has no Cargo.toml; --sdk-path takes the `guest-sdk` folder of a checkout",
            path.shown()
        )
    })
}

/// Existing files are not overwritten.
fn vacant(path: &Path) -> anyhow::Result<()> {
    match std::fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(()),
        Ok(true) => bail!("{} is not empty; choose another name, or empty it first", path.shown()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            bail!("{} is a file; choose another name", path.shown())
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.shown())),
    }
}

/// Asks the user for a template, if there is a terminal.
fn choose() -> anyhow::Result<&'static Template> {
    let [first, ..] = &TEMPLATES;
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(first);
    }
    let width = TEMPLATES.iter().map(|template| template.name.len()).max().unwrap_or_default();
    let lines = TEMPLATES.map(|template| format!("{:width$}  {}", template.name, template.about));
    let question = dialoguer::Select::new().with_prompt("Which template?").items(lines).default(0);
    let chosen =
        answer(&question).context("the terminal cannot be read; choose a template with --template")?;
    chosen.and_then(|at| TEMPLATES.get(at).copied()).context("no template was chosen, so nothing was created")
}

/// Waits for a choice. Ctrl-C counts as an answer; otherwise it would end this command while the list hides
/// the cursor.
fn answer(question: &dialoguer::Select<'_>) -> io::Result<Option<usize>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let _interrupt = signal(SignalKind::interrupt())?;
    let answered = question.clone().interact_opt().map_err(|dialoguer::Error::IO(error)| error);
    match answered {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            dialoguer::console::Term::stderr().show_cursor()?;
            Ok(None)
        }
        answered => answered,
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder
        .and_then(|()| std::fs::write(path, text))
        .with_context(|| format!("{} cannot be written", path.shown()))
}

/// The commands to run next. Where the build brings the tool of the test, it comes first.
fn next(template: &Template, path: &Path, programs: &OsStr) -> String {
    const BUILD: &str = "bulkhead build";
    let is_there = |program| std::env::split_paths(programs).any(|folder| folder.join(program).is_file());
    let commands = match (&template.installs, template.test) {
        (Some(tool), _) if !is_there(tool.program) => vec![BUILD, tool.test],
        (Some(_) | None, test) => test.into_iter().chain([BUILD]).collect(),
    };
    format!(
        "created {path} from the template {}\n\n  cd {path}\n  {}\n  bulkhead invoke --event @event.json{}",
        template.name,
        commands.join("\n  "),
        template.invoke,
        path = path.shown(),
    )
}

/// The `Cargo.toml` of a workspace above the folder. Cargo rejects a package there that is not a member.
fn workspace_around(path: &Path) -> Option<PathBuf> {
    let path = std::fs::canonicalize(path).ok()?;
    let manifests = path.ancestors().skip(1).map(|folder| folder.join("Cargo.toml"));
    let is_workspace = |manifest: &PathBuf| {
        let text = std::fs::read_to_string(manifest).unwrap_or_default();
        text.lines().any(|line| line.trim_start().starts_with("[workspace"))
    };
    manifests.into_iter().find(is_workspace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_folder_is_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        assert!(vacant(&path("new")).is_ok() && vacant(folder.path()).is_ok());
        std::fs::write(path("file"), "").unwrap();
        let refused = |path: &Path| vacant(path).unwrap_err().to_string();
        assert!(refused(folder.path()).contains("is not empty"));
        assert!(refused(&path("file")).contains("is a file"));
    }

    #[test]
    fn the_build_comes_before_a_test_whose_tool_it_installs() {
        let go = TEMPLATES.iter().find(|template| template.name == "go").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let commands = || next(go, Path::new("x"), folder.path().as_os_str());
        assert!(commands().contains("\n  bulkhead build\n  .venv/bin/go test\n"), "{}", commands());
        std::fs::write(folder.path().join("go"), "").unwrap();
        assert!(commands().contains("\n  go test\n  bulkhead build\n"), "{}", commands());
    }

    #[test]
    fn a_script_has_a_test_and_no_tool_to_install() {
        let script = TEMPLATES.iter().find(|template| template.name == "javascript").unwrap();
        let commands = next(script, Path::new("x"), OsStr::new(""));
        let expected = "\n\n  cd x\n  bulkhead test\n  bulkhead build\n  bulkhead invoke --event @event.json";
        assert!(commands.ends_with(expected), "{commands}");
    }

    #[test]
    fn a_workspace_around_it_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("members/one");
        std::fs::create_dir_all(&inner).unwrap();
        assert_eq!(workspace_around(&inner), None);
        let manifest = std::fs::canonicalize(folder.path()).unwrap().join("Cargo.toml");
        std::fs::write(&manifest, "[workspace]\nmembers = []\n").unwrap();
        assert_eq!(workspace_around(&inner), Some(manifest));
    }
}
