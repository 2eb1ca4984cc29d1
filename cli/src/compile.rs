//! `bulkhead compile`: compiles a `.wasm` to a `.cwasm`.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use bulkhead_host::capabilities;
use bulkhead_host::engine::{self, Reset, Share, Target};
use bulkhead_host::sandbox::component;
use bulkhead_host::text::printable::Shown as _;
use bulkhead_host::wasm;
use clap::Args;
use tempfile::NamedTempFile;

use crate::output::{Progress, tell};
use crate::{files, preinit, reset, worlds};

/// Compile a component to native code, so that the bootstrap does not have to do it at each start.
///
/// A core module for WASI preview 1 (wasm32-wasip1; C, TinyGo, Zig) is first made into a component, with the
/// official adapter.
///
/// A component that the bootstrap of this version could not run is rejected, with the reason. The init function of an engine of
/// scripts is always run, as with --preinit.
///
/// Example: bulkhead compile hello.wasm -o hello.cwasm --target aarch64
#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// The component, as `cargo build --target wasm32-wasip2` makes it
    #[arg(value_name = "IN.wasm")]
    input: PathBuf,
    /// The file to write the native code to [default: IN.cwasm]; with --preinit, OUT.wasm makes it a
    /// component again
    #[arg(short, long, value_name = "OUT.cwasm")]
    output: Option<PathBuf>,
    /// The processor of the function: x86_64, or aarch64 (arm64 in Lambda) [default: this machine's]
    #[arg(long, value_parser = parse_target)]
    target: Option<Target>,
    #[command(flatten)]
    preinit: preinit::Options,
}

impl Compile {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let target = self.target()?;
        let output = self.output.clone().unwrap_or_else(|| self.input.with_extension("cwasm"));
        if output == self.input {
            bail!("{}: the output would replace the input; name another with -o", output.shown());
        }
        let started = Instant::now();
        let progress = Progress::of(&format!("compiling {}", self.input.shown()));
        let made = self.make(&output, target)?;
        drop(progress);
        if made.is_adapted {
            tell(&format!(
                "{} is a core module for WASI preview 1; it was made into a component",
                self.input.shown()
            ));
        }
        tell(&format!(
            "compiled {} ({} bytes) to {} ({} bytes){} in {:.1?}",
            self.input.shown(),
            made.read,
            output.shown(),
            made.written,
            made.target.map_or_else(String::new, |target| format!(" for {}", target.name())),
            started.elapsed(),
        ));
        if let Some(ready) = made.ready {
            tell(&ready);
        }
        tell(&format!("each event resets {}", reset::text(made.reset)));
        if let Some(advice) = reset::advice(made.reset) {
            tell(&advice);
        }
        Ok(())
    }

    fn target(&self) -> anyhow::Result<Target> {
        self.target
            .or_else(Target::host)
            .context("Lambda does not support this machine's architecture; choose one with --target")
    }

    /// Compiles `input` to `output`. The file `output` appears only once it can be run.
    fn make(&self, output: &Path, target: Target) -> anyhow::Result<Made> {
        ensure!(
            target.has_compiler(),
            "this `bulkhead` was built without the feature `cross` and cannot compile for {0}; use a \
             released one, or build it with its default features",
            target.name()
        );
        let wasm = files::read_component(&self.input)?;
        files::ensure_folder_of(output)?;
        let component = worlds::ready(&wasm, &self.input)?;
        let ready = self.preinit.for_component(&component).run(&component, &self.input)?;
        let product = match &ready {
            Some(_) if output.extension().is_some_and(|end| end == "wasm") => Product::Component,
            _ => Product::Native(target),
        };
        let made = product
            .make(&component, &wasm, ready.as_ref())
            .with_context(|| format!("{} cannot be compiled", self.input.shown()))?;
        let cannot_write = || format!("{} cannot be written", output.shown());
        let file = write_beside(output, &made).with_context(cannot_write)?;
        product.check(&self.input, &component, file.path())?;
        file.persist(output).with_context(cannot_write)?;
        Ok(Made {
            is_adapted: component.as_ref() != wasm.as_slice(),
            read: wasm.len(),
            written: made.len(),
            target: product.target(),
            reset: ready.as_ref().map_or_else(
                || wasm::reset(&component),
                |ready| wasm::reset_of_snapshot(&ready.wasm, &component),
            ),
            ready: ready.map(|ready| ready.to_string()),
        })
    }
}

/// Compiles a component to a `.cwasm` for `bulkhead package`.
pub(crate) fn native(input: &Path, output: &Path, target: Target) -> anyhow::Result<()> {
    made(input, output, Some(target), &preinit::Options::default())
}

/// Compiles a component for `bulkhead tenants`: to a `.cwasm`, or to the component that its init function leaves.
pub(crate) fn made(
    input: &Path,
    output: &Path,
    target: Option<Target>,
    preinit: &preinit::Options,
) -> anyhow::Result<()> {
    let compile = Compile { input: input.to_owned(), output: None, target, preinit: preinit.clone() };
    compile.make(output, compile.target()?).map(drop)
}

/// A summary of the file that was made.
#[derive(Debug)]
struct Made {
    is_adapted: bool,
    read: usize,
    written: usize,
    target: Option<Target>,
    /// What the reset of its memory costs for each event.
    reset: Reset,
    /// The result of running the init function at compile time.
    ready: Option<String>,
}

/// The kind of output.
#[derive(Debug, Clone, Copy)]
enum Product {
    /// A `.cwasm`.
    Native(Target),
    /// A component, a `.wasm`, with its init done.
    Component,
}

impl Product {
    fn make(
        self,
        component: &[u8],
        source: &[u8],
        ready: Option<&preinit::Ready>,
    ) -> anyhow::Result<Vec<u8>> {
        Ok(match (self, ready) {
            (Self::Native(target), None) => wasm::compile(component, source, target)?,
            (Self::Native(target), Some(ready)) => wasm::compile_preinitialised(&ready.wasm, source, target)?,
            (Self::Component, ready) => ready.map_or(component, |ready| &ready.wasm).to_vec(),
        })
    }

    /// Rejects components that no bootstrap of this version could run. The bootstrap maps one of several
    /// `.cwasm` only at its first event, which is late to find a mistake.
    fn check(self, input: &Path, component: &[u8], made: &Path) -> anyhow::Result<()> {
        // The limits are not known here.
        let (engine, _) = engine::start_for(1, Share::most())?;
        let imports = capabilities::imports(&engine)?;
        let loaded = match self {
            Self::Native(target) if Some(target) == Target::host() => {
                component::map(&engine, &imports, made, None)
            }
            // Code for another processor cannot be mapped here, so the component is compiled for this one as
            // well.
            Self::Native(_) => component::compile_ready(&engine, &imports, component, component, input),
            Self::Component => component::compile(&engine, &imports, made),
        };
        // Errors name the file that the user passed, not the temporary one.
        loaded.map_err(|error| error.about(input))?;
        Ok(())
    }

    fn target(self) -> Option<Target> {
        match self {
            Self::Native(target) => Some(target),
            Self::Component => None,
        }
    }
}

/// Writes to a temporary file that replaces `path` by a rename: a bootstrap that has mapped the old file
/// keeps it.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    // Lambda does not run the function as the user who made the zip, whose umask must not matter.
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(bytes)?;
    Ok(file)
}

pub(crate) fn parse_target(name: &str) -> Result<Target, String> {
    let target = match name.to_ascii_lowercase().as_str() {
        // Docker's name, and those of other tools.
        "amd64" | "x86-64" | "x64" => Some(Target::X86_64),
        name => Target::parse(name),
    };
    target
        .ok_or_else(|| "the processors that Lambda offers are x86_64 (amd64) and arm64 (aarch64)".to_owned())
}

/// The processor's name in Lambda.
pub(crate) fn lambda_name(target: Target) -> &'static str {
    match target {
        Target::X86_64 => "x86_64",
        Target::Aarch64 => "arm64",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
    use wit_parser::Resolve;

    use super::*;
    use crate::preinit::Options;
    use bulkhead_host::engine::artifact;

    /// The smallest handler: it returns an empty response.
    pub(crate) fn handler() -> Vec<u8> {
        let module = r#"(module
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) i32.const 12))"#;
        let mut wasm = wat::parse_str(module).unwrap();
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/wit")).unwrap();
        let world = resolve.select_world(&[package], Some("lambda")).unwrap();
        embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&wasm).unwrap().encode().unwrap()
    }

    fn compile(input: &Path, output: Option<&Path>, target: Option<Target>) -> anyhow::Result<()> {
        let preinit = Options::default();
        Compile { input: input.to_owned(), output: output.map(Path::to_owned), target, preinit }.run()
    }

    fn other() -> Target {
        if Target::host() == Some(Target::X86_64) { Target::Aarch64 } else { Target::X86_64 }
    }

    #[test]
    fn a_processor_has_the_names_that_other_tools_give_it() {
        for name in ["x86_64", "x86-64", "amd64", "AMD64", "x64"] {
            assert_eq!(parse_target(name), Ok(Target::X86_64), "{name}");
        }
        for name in ["arm64", "aarch64", "ARM64"] {
            assert_eq!(parse_target(name), Ok(Target::Aarch64), "{name}");
        }
        assert!(parse_target("riscv64").unwrap_err().ends_with("x86_64 (amd64) and arm64 (aarch64)"));
    }

    #[test]
    fn the_output_lies_beside_the_input_and_anyone_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("hello.wasm");
        std::fs::write(&input, handler()).unwrap();
        compile(&input, None, None).unwrap();
        let output = folder.path().join("hello.cwasm");
        assert_eq!(output.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        artifact::Stamp::check(&output).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[cfg(feature = "cross")]
    #[test]
    fn code_for_another_processor_lies_beside_the_input_too() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("hello.wasm");
        std::fs::write(&input, handler()).unwrap();
        compile(&input, None, Some(other())).unwrap();
        let output = folder.path().join("hello.cwasm");
        assert_eq!(artifact::Stamp::check_for_any_target(&output).unwrap().target, other().name());
    }

    #[cfg(not(feature = "cross"))]
    #[test]
    fn another_processor_needs_the_feature_that_brings_its_compiler() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("hello.wasm");
        std::fs::write(&input, handler()).unwrap();
        let error = compile(&input, None, Some(other())).unwrap_err().to_string();
        assert!(error.contains("`cross`") && error.contains(other().name()), "{error}");
    }

    #[test]
    fn what_no_bootstrap_could_run_is_refused_for_every_processor() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("odd.wasm");
        let watcher = r#"(component (instance $i) (export "wasi:keyvalue/watcher@0.2.0" (instance $i)))"#;
        let needy = r#"(component
            (import "acme:missing/thing@1.0.0" (instance (export "f" (func))))
            (instance $i) (export "bulkhead:lambda/handler@0.1.0" (instance $i)))"#;
        let memories = "(memory 0)".repeat(9);
        let many = format!("(component (core module $m {memories}) (core instance (instantiate $m)))");
        for (wat, expected) in [
            (many.as_str(), "defined memories count of 9 exceeds"),
            (&many, "odd.wasm: it takes more than one sandbox may have: "),
            (&many, "a sandbox has room for 8 memories, for 32 tables"),
            ("(component)", "odd.wasm: it does not export bulkhead:lambda/handler@0.1.0"),
            (watcher, "odd.wasm: it exports wasi:keyvalue/watcher@0.2.0, a kind of component that"),
            (needy, "acme:missing/thing@1.0.0"),
            ("(module)", "odd.wasm: this is a core module"),
        ] {
            std::fs::write(&input, wat::parse_str(wat).unwrap()).unwrap();
            let targets = [None, Some(other()).filter(|other| other.has_compiler())];
            for target in targets {
                let error = format!("{:#}", compile(&input, None, target).unwrap_err());
                assert!(error.contains(expected) && error.contains("odd.wasm: "), "{error}");
            }
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn errors_name_the_file_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("broken.wasm");
        std::fs::write(&input, b"\0asm\x0d\0\x01\0garbage").unwrap();
        let error = format!("{:#}", compile(&input, None, None).unwrap_err());
        assert!(error.contains("broken.wasm cannot be compiled: "), "{error}");
        let error = format!("{:#}", compile(&input, Some(&input), None).unwrap_err());
        assert!(error.contains("would replace the input"), "{error}");
        let missing = folder.path().join("missing.wasm");
        assert!(compile(&missing, None, None).unwrap_err().to_string().contains("missing"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
