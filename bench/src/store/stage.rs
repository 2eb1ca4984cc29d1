//! Makes a store of many tenants, and the files of the functions that read it.
//!
//! The command makes the key and puts one tenant, whose record says what this program cannot know: the names of the
//! build and of the processor. All other records are written by the [`writer`](super::writer), because a command for
//! each would take an hour.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use bulkhead_tests::{Bootstrap, TaskRoot};
use serde_json::Value;
use tempfile::TempDir;

use super::writer::{Code, Signer, Writer, digits, expect_pattern, record_key};
use crate::component;

/// The tenants of `[tenants]`, whose component is in the zip.
pub const STATIC: usize = 200;
/// The first version of every tenant.
const FIRST: u64 = 1;

/// The programs, and the component of which everything is made.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The bootstrap.
    pub lean: PathBuf,
    /// The `bulkhead` command.
    pub command: PathBuf,
    /// A component.
    pub wasm: PathBuf,
    /// A folder in which native code is kept for the next run.
    pub kept: PathBuf,
}

/// How large a store is.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Tenants with one component.
    pub shared: usize,
    /// Tenants with a component each.
    pub own: usize,
}

/// A store, and what belongs to it.
#[derive(Debug)]
pub struct Stage {
    programs: Programs,
    folder: TempDir,
    writer: Writer,
    public_key: String,
    /// The native code of the component.
    cwasm: Vec<u8>,
    /// The component of all tenants that share one.
    pub shared: Code,
    /// The components of the others.
    pub own: Vec<Code>,
}

/// The tenant with this number, of those that share a component.
pub fn sharing(number: usize) -> String {
    format!("t{number}")
}

/// The tenant with this number, of those with a component each.
pub fn owning(number: usize) -> String {
    format!("o{number}")
}

/// The tenant with this number, of those in bulkhead.toml.
pub fn of_zip(number: usize) -> String {
    format!("s{number}")
}

impl Stage {
    /// Makes a store of this size.
    ///
    /// # Errors
    /// If the command fails, or a file cannot be written.
    pub fn new(programs: &Programs, sizes: Sizes) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = folder.path().join("store");
        fs::create_dir(&store)?;
        let key = folder.path().join("key.pem");
        ran(Command::new(&programs.command).arg("keygen").arg("-o").arg(&key))?;
        let signer = Signer::read(&fs::read_to_string(&key)?)?;
        let public_key = signer.public().to_owned();
        let manifest = format!("[store]\n{}", settings(&public_key, &at(&store)));
        fs::write(folder.path().join("bulkhead.toml"), manifest)?;
        let mut put = Command::new(&programs.command);
        put.args(["tenants", "put", "first", "--json", "--component"]).arg(&programs.wasm);
        let output = ran(put.arg("--key").arg(&key).arg("--root").arg(folder.path()))?;
        let pattern: Value = serde_json::from_slice(&output.stdout).context("reading the record")?;
        expect_pattern(&pattern)?;
        let writer = Writer::new(&store, signer, pattern)?;
        let shared = writer.first_code()?;
        let cwasm = fs::read(store.join(shared.native_key()))?;
        let own = own(programs, &writer, &shared, sizes.own)?;
        let stage = Self { programs: programs.clone(), folder, writer, public_key, cwasm, shared, own };
        (0..sizes.shared).try_for_each(|number| stage.put(&sharing(number), FIRST, &stage.shared))?;
        let mut own = stage.own.iter().enumerate();
        own.try_for_each(|(number, code)| stage.put(&owning(number), FIRST, code))?;
        Ok(stage)
    }

    /// The directory of the store.
    pub fn store(&self) -> &Path {
        self.writer.root()
    }

    /// The size of a component's native code, in KB.
    pub fn native_size(&self) -> f64 {
        crate::figures::count(self.cwasm.len()) / 1e3
    }

    /// Puts a tenant, or changes it.
    ///
    /// # Errors
    /// If its record cannot be written.
    pub fn put(&self, tenant: &str, version: u64, code: &Code) -> Result<()> {
        self.writer.put(tenant, version, code)
    }

    /// Writes the history of so many tenants. The stores that are measured have none: a function does not read it, and
    /// there would be two files and a folder for each tenant.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write_history(&self, sizes: Sizes) -> Result<()> {
        let put = |tenant: String, code| self.writer.put_history(&tenant, FIRST, code);
        (0..sizes.shared).try_for_each(|number| put(sharing(number), &self.shared))?;
        self.own.iter().enumerate().try_for_each(|(number, code)| put(owning(number), code))
    }

    /// What `bulkhead tenants verify` says of the store.
    ///
    /// # Errors
    /// If it finds anything wrong.
    pub fn verify(&self) -> Result<Value> {
        let mut verify = Command::new(&self.programs.command);
        let output = ran(verify.args(["tenants", "verify", "--json", "--root"]).arg(self.folder.path()))?;
        serde_json::from_slice(&output.stdout).context("reading what `bulkhead tenants verify` printed")
    }

    /// The lines of `[store]` that say where this store is.
    pub fn location(&self) -> String {
        at(self.store())
    }

    /// A task root with static tenants, and with a store at this location if there is one.
    pub fn task_root(&self, location: Option<&str>) -> TaskRoot {
        let tenants: String = (0..STATIC).map(|number| format!("[tenants.{}]\n", of_zip(number))).collect();
        let store = location.map(|location| format!("[store]\n{}", settings(&self.public_key, location)));
        let manifest = format!("[handlers.h]\n{tenants}{}", store.unwrap_or_default());
        TaskRoot::new().manifest(&manifest).file("h.cwasm", &self.cwasm)
    }

    /// The bootstrap with the files of this folder.
    pub fn bootstrap(&self, root: &TaskRoot) -> Bootstrap {
        Bootstrap::at(&self.programs.lean).task_root(root)
    }

    /// The names of the files that the first tenants of each kind need.
    pub fn keys(&self, sizes: Sizes) -> Vec<String> {
        let records = (0..sizes.shared).map(sharing).chain((0..sizes.own).map(owning));
        let codes = std::iter::once(&self.shared).chain(self.own.iter().take(sizes.own));
        records.map(|tenant| record_key(&tenant)).chain(codes.map(Code::native_key)).collect()
    }
}

/// The lines of `[store]` that say where a store in a directory is.
fn at(directory: &Path) -> String {
    format!("url = 'file://{}'\n", directory.display())
}

fn settings(public_key: &str, location: &str) -> String {
    format!("name = 'bench'\npublic_keys = ['{public_key}']\n{location}")
}

/// Components that differ in their digests only, with their native code.
fn own(programs: &Programs, writer: &Writer, shared: &Code, wanted: usize) -> Result<Vec<Code>> {
    let wasm = fs::read(&programs.wasm).context("reading the component")?;
    // Another build of Bulkhead makes other native code.
    let kept = programs.kept.join(digits(shared.native_key().as_bytes()));
    fs::create_dir_all(&kept).with_context(|| format!("making the folder {}", kept.display()))?;
    let components: Vec<Vec<u8>> = (0..wanted).map(|number| distinct(&wasm, number)).collect();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = wanted.div_ceil(threads).max(1);
    let compile_all = |components: &[Vec<u8>]| -> Result<()> {
        let folder = tempfile::tempdir()?;
        components.iter().try_for_each(|wasm| compile(programs, &kept, folder.path(), wasm))
    };
    let compile_all = &compile_all;
    thread::scope(|scope| {
        let start = |components| scope.spawn(move || compile_all(components));
        let threads: Vec<_> = components.chunks(share).map(start).collect();
        threads.into_iter().try_for_each(|thread| thread.join().ok().context("a panic while compiling")?)
    })?;
    let add = |wasm: &Vec<u8>| writer.add(wasm, &fs::read(kept_as(&kept, wasm))?);
    components.iter().map(add).collect()
}

/// Compiles a component, unless an earlier run has.
fn compile(programs: &Programs, kept: &Path, folder: &Path, component: &[u8]) -> Result<()> {
    let place = kept_as(kept, component);
    if place.is_file() {
        return Ok(());
    }
    let (wasm, cwasm) = (folder.join("c.wasm"), place.with_extension("new"));
    fs::write(&wasm, component)?;
    component::compile(&programs.command, &wasm, &cwasm)?;
    fs::rename(cwasm, place).context("keeping native code")
}

fn kept_as(kept: &Path, component: &[u8]) -> PathBuf {
    kept.join(digits(component)).with_extension("cwasm")
}

/// The component with a custom section, which changes its digest and nothing else.
fn distinct(wasm: &[u8], number: usize) -> Vec<u8> {
    let name = format!("n{number:05}");
    [wasm, &[0, 7, 6], name.as_bytes()].concat()
}

/// Runs a command that has to succeed.
fn ran(command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    ensure!(output.status.success(), "{command:?}: {stdout}{stderr}");
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_differ_in_a_section_that_nothing_reads() {
        let [first, last] = [0, 99_999].map(|number| distinct(b"component", number));
        assert_eq!(first, b"component\0\x07\x06n00000");
        assert_eq!(first.len(), last.len());
        assert_ne!(kept_as(Path::new("kept"), &first), kept_as(Path::new("kept"), &last));
    }

    #[test]
    fn a_store_is_described_by_its_keys() {
        let settings = settings("ed25519:1", &at(Path::new("/mnt/tenants")));
        assert_eq!(settings, "name = 'bench'\npublic_keys = ['ed25519:1']\nurl = 'file:///mnt/tenants'\n");
    }

    #[test]
    fn a_command_that_fails_is_an_error_with_its_words() {
        let error = ran(Command::new("/bin/sh").args(["-c", "echo why >&2; exit 1"])).unwrap_err();
        assert!(error.to_string().ends_with("why\n"), "{error}");
    }
}
