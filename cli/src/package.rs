//! `bulkhead package`: a zip that Lambda takes as it is.

mod archive;
mod contents;
mod program;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bulkhead_host::engine::Target;
use clap::Args;

use crate::compile::parse_target;
use crate::local;
use crate::output::{self, tell};
use crate::table::{Align, Table};
use archive::Entry;
pub(crate) use contents::fits;

/// The most that Lambda takes of an upload without S3, in bytes
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const MOST_ZIPPED: u64 = 50 * 1024 * 1024;

/// The most that it unzips, layers included.
const MOST_UNZIPPED: u64 = 250 * 1024 * 1024;

/// Put the bootstrap, the handlers as native code and bulkhead.toml into a zip for Lambda.
///
/// Components are compiled for the function's processor; a .cwasm that fits its .wasm is taken as it is, for example one
/// that was made with --preinit. The same input gives the same bytes. What the bootstrap would refuse is refused.
///
/// Example: bulkhead package ./package --arch arm64 -o function.zip
#[derive(Debug, Args)]
pub(crate) struct Package {
    /// The directory with bulkhead.toml, or with the only component [default: target/bulkhead, if it is there, or .]
    #[arg(value_name = "DIR")]
    root: Option<PathBuf>,
    /// The zip
    #[arg(short, long, value_name = "FILE.zip", default_value = "function.zip")]
    output: PathBuf,
    /// The processor of the function: x86_64, or arm64 [default: this machine's]
    #[arg(long, value_parser = parse_target, value_name = "ARCH")]
    arch: Option<Target>,
    /// The bootstrap to put in [default: BULKHEAD_BOOTSTRAP, or the one beside this command]
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// What _HANDLER will be, where DIR has several components and no bulkhead.toml
    #[arg(long, value_name = "NAME")]
    handler: Option<String>,
}

impl Package {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Some(target) = self.arch.or_else(Target::host) else {
            bail!("this machine is none that Lambda offers; name one with --arch");
        };
        ensure!(
            self.output.extension().is_some_and(|ending| ending == "zip"),
            "{}: Lambda takes a .zip; name one with -o",
            self.output.display()
        );
        let root = local::task_root(self.root)?;
        let bootstrap = local::bootstrap(self.bootstrap)?;
        program::check(&bootstrap, target).with_context(|| format!("{}", bootstrap.display()))?;
        let staged = contents::stage(&root, &bootstrap, self.handler.as_deref(), target)?;
        let cannot_write = || format!("{} cannot be written", self.output.display());
        let (zipped, entries) = archive::write(staged.path(), &self.output).with_context(cannot_write)?;
        output::print(table(&entries))?;
        let unzipped = entries.iter().map(|entry| entry.size).sum();
        tell(&format!("{}: {zipped} bytes for {}", self.output.display(), target.name()));
        judge(&self.output, zipped, unzipped)
    }
}

/// Says what Lambda would say of such an upload.
fn judge(zip: &Path, zipped: u64, unzipped: u64) -> anyhow::Result<()> {
    ensure!(
        unzipped <= MOST_UNZIPPED,
        "{}: {unzipped} bytes unzipped, and Lambda takes {MOST_UNZIPPED} with all layers; leave handlers out, or grant \
         smaller directories",
        zip.display()
    );
    if zipped > MOST_ZIPPED {
        tell(&format!("it is over {MOST_ZIPPED} bytes, so Lambda takes it by way of S3 only"));
    }
    Ok(())
}

fn table(entries: &[Entry]) -> Table<4> {
    let mut table = Table::new(0, [Align::Left, Align::Left, Align::Right, Align::Right]);
    table.row(["mode", "file", "bytes", "in the zip"]);
    for Entry { name, mode, size, zipped } in entries {
        table.row([format!("{mode:o}"), name.clone(), size.to_string(), zipped.to_string()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lambda_would_not_unzip_is_refused() {
        let zip = Path::new("function.zip");
        judge(zip, MOST_ZIPPED + 1, MOST_UNZIPPED).expect("by way of S3");
        let error = judge(zip, 1, MOST_UNZIPPED + 1).unwrap_err().to_string();
        assert!(error.starts_with("function.zip: 262144001 bytes unzipped"), "{error}");
    }
}
