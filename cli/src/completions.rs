//! `bulkhead completions` and `bulkhead man`: shell completions and man pages, generated from the command's
//! own arguments.

mod names;

use std::path::PathBuf;

use anyhow::Context as _;
use bulkhead_host::text::printable::Shown as _;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_complete::env::{CompleteEnv, Shells};

use crate::output;
pub(crate) use names::{handlers, samples, tenants};

/// The variable through which a shell asks for completions; its value is the shell.
const ASKED: &str = "BULKHEAD_COMPLETE";

/// Print a shell's completions of this command. They call the command itself for the handlers and tenants of
/// the project in the current folder.
///
/// Print them again after an update.
///
/// Example: bulkhead completions bash > ~/.local/share/bash-completion/completions/bulkhead
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_parser = clap::builder::EnumValueParser::<Shell>::new())]
    shell: Shell,
}

/// Write the man pages of this command, one for each subcommand.
///
/// Example: bulkhead man ~/.local/share/man/man1
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder to write to; it is created if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Answers a shell that asks for completions, and exits.
pub(crate) fn answer() {
    CompleteEnv::with_factory(crate::Cli::command).var(ASKED).complete();
}

impl Completions {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        Ok(output::print(script(self.shell)?)?)
    }
}

/// The script that makes a shell ask.
fn script(shell: Shell) -> anyhow::Result<String> {
    let mut text = Vec::new();
    let shells = Shells::builtins();
    let completer =
        shells.completer(&shell.to_string()).context("there are no completions for this shell")?;
    completer.write_registration(ASKED, "bulkhead", "bulkhead", "bulkhead", &mut text)?;
    String::from_utf8(text).context("the completions are not UTF-8")
}

impl Man {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let folder = self.folder.shown();
        if self.folder.is_file() {
            return Err(crate::files::no_folder(&self.folder));
        }
        std::fs::create_dir_all(&self.folder).with_context(|| format!("{folder} cannot be created"))?;
        // Without `help`, whose page would be empty.
        let command = crate::Cli::command().disable_help_subcommand(true);
        clap_mangen::generate_to(command, &self.folder)
            .with_context(|| format!("{folder} cannot be written to"))
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use clap_complete::engine;

    use super::*;

    #[test]
    fn every_shell_that_is_offered_has_completions() {
        for shell in Shell::value_variants() {
            assert!(script(*shell).unwrap().contains(ASKED), "{shell}");
        }
    }

    /// The completions after these words, in the form for any shell.
    fn next(words: &[&str]) -> Vec<String> {
        let all = ["bulkhead"].iter().chain(words).map(Into::into).collect();
        let found = engine::complete(&mut crate::Cli::command(), all, words.len(), None).unwrap();
        found.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn commands_flags_and_values_are_known_to_all_of_them() {
        for command in crate::Cli::command().get_subcommands() {
            assert_eq!(next(&[command.get_name()])[0], command.get_name());
        }
        assert_eq!(next(&["invoke", "--samp"]), ["--sample"]);
        assert_eq!(next(&["invoke", "--sample", "sqs-ev"]), ["sqs-event-obj", "sqs-event"]);
        assert_eq!(next(&["new", "hello", "--template", "api"]), ["api-gateway"]);
    }

    #[test]
    fn there_is_a_page_for_every_command() {
        let folder = tempfile::tempdir().unwrap();
        Man { folder: folder.path().join("man1") }.run().unwrap();
        let page = |name: &str| std::fs::read_to_string(folder.path().join("man1").join(name)).unwrap();
        assert!(page("bulkhead.1").contains("bulkhead\\-build(1)"));
        for command in crate::Cli::command().get_subcommands() {
            let text = page(&format!("bulkhead-{}.1", command.get_name()));
            assert!(text.contains("Example:"), "{}", command.get_name());
        }
    }
}
