//! `bulkhead completions` and `bulkhead man`: what shells and `man` want to know of the command, made from its own arguments.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::output;

/// Print a shell's completions of this command.
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
    /// The folder to write them into; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Completions {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut crate::Cli::command(), "bulkhead", &mut text);
        Ok(output::print(String::from_utf8(text).context("the completions are not UTF-8")?)?)
    }
}

impl Man {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let folder = self.folder.display();
        std::fs::create_dir_all(&self.folder).with_context(|| format!("{folder} cannot be made"))?;
        // Without `help`, whose page would say nothing.
        let command = crate::Cli::command().disable_help_subcommand(true);
        clap_mangen::generate_to(command, &self.folder)
            .with_context(|| format!("{folder} cannot be written into"))
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut crate::Cli::command(), "bulkhead", &mut text);
            let text = String::from_utf8(text).unwrap();
            for command in crate::Cli::command().get_subcommands() {
                assert!(text.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
            // Some complete no values of arguments.
            let knows_values = !matches!(shell, Shell::Elvish | Shell::PowerShell);
            assert_eq!(text.contains("api-gateway"), knows_values, "{shell} and the templates");
        }
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
