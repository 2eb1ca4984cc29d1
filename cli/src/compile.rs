//! `bulkhead compile`: `.wasm` to `.cwasm`.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use bulkhead_host::artifact;
use bulkhead_host::component;
use bulkhead_host::engine::Target;
use clap::Args;

/// Compile a component to native code, so that the bootstrap need not at each start.
///
/// Example: bulkhead compile hello.wasm -o hello.cwasm --target aarch64
#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// The component: what `cargo build --target wasm32-wasip2` makes
    #[arg(value_name = "IN.wasm")]
    input: PathBuf,
    /// Where to write the native code [default: IN.cwasm]
    #[arg(short, long, value_name = "OUT.cwasm")]
    output: Option<PathBuf>,
    /// The processor of the function: x86_64, or aarch64 (arm64 to Lambda) [default: this machine's]
    #[arg(long, value_parser = parse_target)]
    target: Option<Target>,
}

impl Compile {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Some(target) = self.target.or_else(Target::host) else {
            bail!("this machine is none that Lambda offers; name one with --target");
        };
        let output = self.output.unwrap_or_else(|| self.input.with_extension("cwasm"));
        if output == self.input {
            bail!("{}: the output would replace the input; name another with -o", output.display());
        }
        let wasm = component::read(&self.input)?;
        component::check_is_component(&wasm, &self.input)?;
        let started = Instant::now();
        let cwasm = artifact::compile(&wasm, target)
            .with_context(|| format!("{} cannot be compiled", self.input.display()))?;
        replace(&output, &cwasm).with_context(|| format!("{} cannot be written", output.display()))?;
        report(&format!(
            "compiled {} ({} bytes) to {} ({} bytes) for {} in {:.1?}",
            self.input.display(),
            wasm.len(),
            output.display(),
            cwasm.len(),
            target.name(),
            started.elapsed(),
        ));
        Ok(())
    }
}

/// Writes beside the file and renames: a bootstrap that has mapped the old one keeps it whole.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    // Lambda runs the function as another user than the one that made the zip.
    let readable = Permissions::from_mode(0o644);
    let mut file = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

fn parse_target(name: &str) -> Result<Target, String> {
    Target::parse(name).ok_or_else(|| "Lambda offers x86_64 and aarch64".to_owned())
}

#[expect(clippy::print_stderr, reason = "what a command tells people")]
fn report(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(input: &Path, output: Option<&Path>) -> anyhow::Result<()> {
        Compile { input: input.to_owned(), output: output.map(Path::to_owned), target: None }.run()
    }

    #[test]
    fn the_output_lies_beside_the_input_and_anyone_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("empty.wasm");
        // A component without anything in it.
        std::fs::write(&input, b"\0asm\x0d\0\x01\0").unwrap();
        compile(&input, None).unwrap();
        let output = folder.path().join("empty.cwasm");
        assert_eq!(output.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        artifact::Stamp::check(&output).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn errors_name_the_file_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("broken.wasm");
        std::fs::write(&input, b"\0asm\x0d\0\x01\0garbage").unwrap();
        let error = format!("{:#}", compile(&input, None).unwrap_err());
        assert!(error.contains("broken.wasm cannot be compiled: "), "{error}");
        let error = format!("{:#}", compile(&input, Some(&input)).unwrap_err());
        assert!(error.contains("would replace the input"), "{error}");
        assert!(
            compile(&folder.path().join("missing.wasm"), None).unwrap_err().to_string().contains("missing")
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
