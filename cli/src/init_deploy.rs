//! `bulkhead init-deploy`: writes the files with which SAM, Terraform or CDK deploys the zip.

mod access;
mod alarms;
mod environment;
mod function;
mod place;
mod project;
mod reads;
mod render;
mod retention;
mod rules;
mod script;
mod settings;
mod sources;
mod tables;
mod tags;
mod tools;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use bulkhead_host::text::printable::Shown as _;
use clap::Args;

use crate::output;
use function::Function;
use project::Known;
use settings::Settings;
use tools::Tool;

/// Write the files that deploy the zip: a template for SAM, a module for Terraform, or an app for CDK.
///
/// Settings without an option come from the project's bulkhead.toml, or have defaults that suit a new
/// function: its role may only write to its own log group, and that log has a retention time. The tool itself
/// does the deployment. Existing files are kept, unless you pass --force.
///
/// Example: bulkhead init-deploy --tool sam --function-url iam
#[derive(Debug, Args)]
pub(crate) struct InitDeploy {
    /// The project, or a folder in it
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The tool to deploy with
    #[arg(long, value_enum, value_name = "sam|terraform|cdk")]
    tool: Tool,
    /// The zip to deploy, as made by `bulkhead package`
    #[arg(long, value_name = "FILE.zip", default_value = "function.zip")]
    zip: PathBuf,
    #[command(flatten)]
    settings: Settings,
    /// The folder to write to
    #[arg(long, short, value_name = "DIR", default_value = "deploy")]
    output: PathBuf,
    /// Overwrite existing files
    #[arg(long)]
    force: bool,
}

impl InitDeploy {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let known = Known::of(&self.folder, self.settings.handler.as_deref())?;
        let zip = place::seen_from(&self.output, &self.zip)?;
        let function = Function::new(&self.settings, known, zip)?;
        let files = self.tool.files(&function)?;
        if !self.force {
            vacant(&self.output, &files)?;
        }
        for (name, text) in &files {
            let path = self.output.join(name);
            write(&path, text)?;
            output::tell(&format!("wrote {}", path.shown()));
        }
        output::tell(&self.next(&function));
        Ok(())
    }

    /// What calls the function, if no option says so, and the commands to run next.
    fn next(&self, function: &Function) -> String {
        let mut lines = String::from("\n");
        if let Some(reason) = function.reason {
            lines += &format!("{reason} --source none leaves it out.\n\n");
        } else if !function.sources.is_called() && self.settings.asks_nothing() {
            lines += "Nothing calls the function yet; --source adds a queue, a stream, a rule, a bucket, a URL or an API.\n\n";
        }
        if !self.zip.is_file() {
            let (arch, zip) = (function.arch, self.zip.shown());
            lines += &format!("  bulkhead package --arch {arch} -o {zip}\n");
        }
        lines += &format!("  cd {}\n", self.output.shown());
        for command in self.tool.commands(function) {
            lines += &format!("  {command}\n");
        }
        lines
    }
}

/// Existing files are not overwritten, and if one file exists, none is written.
fn vacant(folder: &Path, files: &[(&str, String)]) -> anyhow::Result<()> {
    let there: Vec<String> = files
        .iter()
        .map(|(name, _)| folder.join(name))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.shown())
        .collect();
    ensure!(
        there.is_empty(),
        "these files exist already: {}; choose another folder with -o, or pass --force to overwrite it",
        there.join(", ")
    );
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder
        .and_then(|()| std::fs::write(path, text))
        .with_context(|| format!("{} cannot be written", path.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_in_the_way_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let files = [("a", String::new()), ("b", String::new())];
        assert!(vacant(folder.path(), &files).is_ok());
        std::fs::write(folder.path().join("b"), "mine").unwrap();
        let refused = vacant(folder.path(), &files).unwrap_err().to_string();
        assert!(refused.contains("/b; choose another folder") && !refused.contains("/a"), "{refused}");
    }
}
