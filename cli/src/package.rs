//! `bulkhead package`: makes a zip that you can upload to Lambda, or a folder for a container image.

mod archive;
mod container;
mod contents;
mod program;
mod sbom;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bulkhead_host::engine::{Target, artifact};
use bulkhead_host::text::printable::Shown as _;
use clap::Args;

use crate::compile::{lambda_name, parse_target};
use crate::output::{self, tell};
use crate::table::{Align, Table};
use crate::{files, local};
use archive::Entry;
pub(crate) use contents::fits;
pub(crate) use program::check;

/// The largest upload that Lambda accepts without S3, in bytes
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const MOST_ZIPPED: u64 = 50 * 1024 * 1024;

/// The largest size that Lambda unzips, including layers.
const MOST_UNZIPPED: u64 = 250 * 1024 * 1024;

/// Put the bootstrap, the handlers as native code and bulkhead.toml into a zip for Lambda, or into a folder
/// for an image.
///
/// Components are compiled for the function's processor; a .cwasm that fits its .wasm is used as it is, for
/// example one made with --preinit. The same input gives the same bytes. Anything that the bootstrap would
/// reject is an error. A CycloneDX document (SBOM) beside the package lists its contents.
///
/// Example: bulkhead package ./package --arch arm64 -o function.zip
#[derive(Debug, Args)]
pub(crate) struct Package {
    /// The directory with bulkhead.toml, or with the only component [default: target/bulkhead, if it is there, or .]
    #[arg(value_name = "DIR")]
    root: Option<PathBuf>,
    /// The zip or, with --container, the folder [default: function.zip or image]
    #[arg(short, long, value_name = "FILE.zip|DIR")]
    output: Option<PathBuf>,
    /// The processor of the function: x86_64, or arm64 [default: this machine's]
    #[arg(long, value_parser = parse_target, value_name = "ARCH")]
    arch: Option<Target>,
    /// The bootstrap to package [default: BULKHEAD_BOOTSTRAP, or the one for ARCH beside this command]
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// The value of _HANDLER, if DIR has several components and no bulkhead.toml, or if an image has several
    /// handlers
    #[arg(long, value_name = "NAME")]
    handler: Option<String>,
    /// Make a folder with a Containerfile for `docker build` and `podman build` in place of a zip
    #[arg(long)]
    container: bool,
    /// Do not write the SBOM, which is otherwise written beside the package: function.cdx.json
    #[arg(long)]
    no_sbom: bool,
}

impl Package {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Some(target) = self.arch.or_else(Target::host) else {
            bail!("Lambda does not support this machine's architecture; choose one with --arch");
        };
        let output = self.output()?;
        let root = local::task_root(self.root)?;
        let bootstrap = local::bootstrap_for(target, self.bootstrap)?;
        check(&bootstrap, target).with_context(|| bootstrap.shown())?;
        let handler = self.handler.as_deref();
        let mut staged = contents::stage(&root, &bootstrap, handler, target)?;
        let mut place = "";
        if self.container {
            staged = container::stage(staged.path(), handler, target)?;
            place = container::TASK;
            image(staged.path(), &output, target)?;
        } else {
            zip(staged.path(), &output, target)?;
        }
        if program::has_compiler(&bootstrap) {
            tell(&with_compiler(&bootstrap, target));
        }
        if self.no_sbom {
            return Ok(());
        }
        let name = output.file_stem().unwrap_or_default().to_string_lossy();
        let staged = staged.path();
        describe(&sbom::Package { name: &name, target, task_root: &root, staged, place }, &output)
    }

    fn output(&self) -> anyhow::Result<PathBuf> {
        let default = if self.container { "image" } else { "function.zip" };
        let output = self.output.clone().unwrap_or_else(|| default.into());
        ensure!(
            self.container || output.extension().is_some_and(|ending| ending == "zip"),
            "{}: Lambda requires a file that ends in .zip; name one with -o, or make a folder for an image with --container",
            output.shown()
        );
        ensure!(
            output.file_name().is_some(),
            "{}: this is not a file name; choose one with -o",
            output.shown()
        );
        if !self.container {
            files::ensure_folder_of(&output)?;
        }
        Ok(output)
    }
}

/// How to make a package smaller whose bootstrap has the compiler.
fn with_compiler(bootstrap: &Path, target: Target) -> String {
    let size = bootstrap.metadata().map_or(0, |metadata| metadata.len());
    format!(
        "the bootstrap has {size} bytes, because it contains the compiler, which this package does not need; the one \
         without it has a third of them: pass `bootstrap-{}` of a release with --bootstrap, or build it in a checkout with \
         `cargo build --release --package bulkhead-bootstrap --no-default-features`",
        lambda_name(target)
    )
}

fn zip(staged: &Path, output: &Path, target: Target) -> anyhow::Result<()> {
    let cannot_write = || format!("{} cannot be written", output.shown());
    let (zipped, entries) = archive::write(staged, output).with_context(cannot_write)?;
    output::print(table(&entries))?;
    let unzipped = entries.iter().map(|entry| entry.size).sum();
    tell(&format!("{}: {zipped} bytes for {}", output.shown(), lambda_name(target)));
    judge(output, zipped, unzipped)
}

fn image(staged: &Path, output: &Path, target: Target) -> anyhow::Result<()> {
    container::replace(staged, output)?;
    let mut table = Table::new(0, [Align::Left, Align::Left, Align::Right]);
    table.row(["mode", "file", "bytes"]);
    for file in contents::files(output)? {
        let metadata = output.join(&file).metadata()?;
        let mode = format!("{:o}", metadata.permissions().mode() & 0o777);
        table.row([mode, file.shown(), metadata.len().to_string()]);
    }
    output::print(table)?;
    let how = container::how_to_build(output);
    tell(&format!("{}: build the image for {} with\n  {how}", output.shown(), lambda_name(target)));
    Ok(())
}

/// Writes the SBOM beside the package.
fn describe(package: &sbom::Package<'_>, output: &Path) -> anyhow::Result<()> {
    let document = output.with_extension("cdx.json");
    let zip = output.is_file().then(|| std::fs::read(output)).transpose();
    let zip = zip.with_context(|| format!("{} cannot be read back", output.shown()))?;
    let digest = zip.map(|zip| artifact::digest(&zip));
    sbom::write(package, digest.as_deref(), &document)?;
    tell(&format!("{}: the contents of the package (SBOM)", document.shown()));
    Ok(())
}

/// Reports what Lambda would say about the size of the upload.
fn judge(zip: &Path, zipped: u64, unzipped: u64) -> anyhow::Result<()> {
    ensure!(
        unzipped <= MOST_UNZIPPED,
        "{}: {unzipped} bytes unzipped, but Lambda allows {MOST_UNZIPPED} with all layers; leave handlers \
         out, or grant smaller directories",
        zip.shown()
    );
    if zipped > MOST_ZIPPED {
        tell(&format!("the zip is over {MOST_ZIPPED} bytes, so it has to be uploaded through S3"));
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
