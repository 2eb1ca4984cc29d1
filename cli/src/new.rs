//! `bulkhead new`: a project that builds and passes its own test at once. Everything it writes is in this program, so that it
//! needs no network.

mod name;
mod sdk;
mod template;

use std::io::{self, ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::text::printable::Shown as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::output;
use name::Name;
use template::{TEMPLATES, Template};

/// Make a project: a handler, its test, an event to try it with, and a bulkhead.toml.
///
/// On a terminal it asks which template to use where none is named; elsewhere it takes `hello`.
///
/// Example: bulkhead new hello --template http
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The folder to make; its last part is the name of the project
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// What to start from
    #[arg(long, short, value_name = "TEMPLATE", value_parser = template::parser())]
    template: Option<&'static Template>,
    /// The name of the project [default: the folder's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The `guest-sdk` folder of a checkout of Bulkhead, to depend on in place of the SDK that came with this command
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
        ensure!(
            template.is_rust() || checkout.is_none(),
            "the template {} has no SDK in it; leave out --sdk-path",
            template.name
        );
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
        output::tell(&next(template, &self.path));
        if let Some(manifest) = workspace {
            let sdk = if sdk.is_absolute() { sdk } else { manifest.with_file_name(sdk::FOLDER) };
            output::tell(&format!(
                "\n{} is a workspace: unless its `members` take in this folder, add it there. The SDK is in {}.",
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
                let folder = self
                    .path
                    .file_name()
                    .with_context(|| format!("{} does not end in a name; pass --name NAME", self.path.shown()))?;
                folder.to_string_lossy().into_owned()
            }
        };
        Ok(name.parse()?)
    }
}

/// The SDK of a checkout, in full: the project's own folder is not this one.
fn checkout(path: &Path) -> anyhow::Result<PathBuf> {
    let found = std::fs::canonicalize(path).ok().filter(|path| path.join("Cargo.toml").is_file());
    found.with_context(|| {
        format!(
            "{}: there is no Cargo.toml in it; --sdk-path names the `guest-sdk` of a checkout",
            path.shown()
        )
    })
}

/// Nothing that is there is written over.
fn vacant(path: &Path) -> anyhow::Result<()> {
    match std::fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(()),
        Ok(true) => bail!("{} is not empty; choose another name, or empty it first", path.shown()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            bail!("{} is a file; choose another name", path.shown())
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be looked into", path.shown())),
    }
}

/// Asks whoever sits at the terminal. Nobody else can answer.
fn choose() -> anyhow::Result<&'static Template> {
    let [first, ..] = &TEMPLATES;
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(first);
    }
    let width = TEMPLATES.iter().map(|template| template.name.len()).max().unwrap_or_default();
    let lines = TEMPLATES.map(|template| format!("{:width$}  {}", template.name, template.about));
    let question = dialoguer::Select::new().with_prompt("What is it to start from?").items(lines).default(0);
    let chosen = answer(&question).context("the terminal cannot be asked; name a --template")?;
    chosen.and_then(|at| TEMPLATES.get(at).copied()).context("no template was chosen, so nothing was made")
}

/// The line that was chosen. Ctrl-C is an answer as well: it would end this command while the list still hides the cursor.
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

/// What to do with it.
fn next(template: &Template, path: &Path) -> String {
    format!(
        "made {path} from the template {}\n\n  cd {path}\n  {}\n  bulkhead build\n  bulkhead invoke --event @event.json{}",
        template.name,
        template.test,
        template.invoke,
        path = path.shown(),
    )
}

/// The `Cargo.toml` of a workspace that the folder lies in. Cargo refuses a package there that is no member.
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
