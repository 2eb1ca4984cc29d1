//! The code of a tenant: its component, and the native code for each processor.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::capabilities;
use bulkhead_host::engine::artifact::Stamp;
use bulkhead_host::engine::{self, BUILD, Share, Target};
use bulkhead_host::policy::Policy;
use bulkhead_host::sandbox::component;
use bulkhead_host::store::layout::Key;
use bulkhead_host::store::{Digest, MAX_COMPONENT, MAX_NATIVE, Native};
use bulkhead_host::text::printable::Shown as _;
use bulkhead_host::wasm::{Description, Kind};

use super::apart;
use super::files::Files;
use crate::output::Progress;
use crate::worlds;

/// A component that was compiled.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) component: Vec<u8>,
    pub(super) digest: Digest,
    pub(super) kind: Kind,
    pub(super) native: Vec<(Native, Vec<u8>)>,
}

/// The processors that were asked for, or that of this machine.
pub(super) fn targets(asked: &[Target]) -> anyhow::Result<Vec<Target>> {
    let mut targets = asked.to_vec();
    targets.dedup();
    if targets.is_empty() {
        targets.extend(Target::host());
    }
    ensure!(
        !targets.is_empty(),
        "Lambda does not support this machine's architecture; choose one with --target"
    );
    Ok(targets)
}

/// Compiles the component in a file for these processors, and checks that a sandbox under this policy can hold it.
pub(super) fn compile(input: &Path, targets: &[Target], policy: &Policy) -> anyhow::Result<Code> {
    let about = || input.shown();
    let length = fs::metadata(input).with_context(about)?.len();
    ensure!(
        length <= MAX_COMPONENT,
        "{}: this file has {length} bytes, and a component of a store has at most {MAX_COMPONENT}",
        about()
    );
    let component = component::read(input)?;
    let digest = Digest::of(&component);
    let folder = tempfile::tempdir()?;
    let mut native = Vec::new();
    for target in targets {
        let progress = Progress::of(&format!("compiling {} for {}", about(), target.name()));
        let output = folder.path().join(format!("{}.cwasm", target.name()));
        apart::compile(input, &output, *target)?;
        drop(progress);
        let stamp = Stamp::check_for_any_target(&output)?;
        ensure!(stamp.source == digest.as_str(), "{}: the file has changed while it was compiled", about());
        if Some(*target) == Target::host() {
            check(&output, input, policy)?;
        }
        let code = fs::read(&output)?;
        native.push((described(*target, &code)?, code));
    }
    let ready = worlds::ready(&component, input)?;
    let Some(Description { exports, .. }) = Description::read(&ready) else {
        bail!("{}: this is not a component", about());
    };
    let kind = Kind::of(&exports).with_context(about)?;
    Ok(Code { component, digest, kind, native })
}

/// Loads the code as the bootstrap does, in an engine whose sandboxes have no more room than the policy allows.
fn check(output: &Path, input: &Path, policy: &Policy) -> anyhow::Result<()> {
    let (engine, _) = engine::start_for(1, Share::under(&policy.limits))?;
    let imports = capabilities::imports(&engine)?;
    component::map(&engine, &imports, output, None).map_err(|error| error.about(input))?;
    Ok(())
}

fn described(target: Target, code: &[u8]) -> anyhow::Result<Native> {
    let bytes = u64::try_from(code.len())?;
    ensure!(
        bytes <= MAX_NATIVE,
        "the native code for {} has {bytes} bytes, and a store takes at most {MAX_NATIVE}",
        target.name()
    );
    Ok(Native { target: target.name().to_owned(), build: BUILD.to_owned(), digest: Digest::of(code), bytes })
}

impl Code {
    /// Writes component and native code into the store.
    pub(super) fn write(&self, files: &impl Files) -> anyhow::Result<()> {
        files.write(&Key::component(&self.digest), &self.component)?;
        self.native.iter().try_for_each(|(native, code)| files.write(&Key::native(&native.digest), code))
    }

    /// The native code, as records describe it.
    pub(super) fn described(&self) -> Vec<Native> {
        self.native.iter().map(|(native, _)| native.clone()).collect()
    }
}

/// The component of a tenant, from the store, as a file in this folder.
pub(super) fn fetched(files: &impl Files, digest: &Digest, folder: &Path) -> anyhow::Result<PathBuf> {
    let key = Key::component(digest);
    let Some(component) = files.read(&key, MAX_COMPONENT)? else {
        bail!("{key}: the component is not in the store");
    };
    ensure!(Digest::of(&component) == *digest, "{key}: the component is damaged: it has another digest");
    let file = folder.join("component.wasm");
    fs::write(&file, component)?;
    Ok(file)
}
