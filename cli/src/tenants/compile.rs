//! Compiles a component for a store: checks it as the bootstrap will, and makes the native code for each processor.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::capabilities;
use bulkhead_host::engine::artifact::Stamp;
use bulkhead_host::engine::{self, BUILD, Share, Target};
use bulkhead_host::policy::Policy;
use bulkhead_host::policy::manifest::store::Settings;
use bulkhead_host::sandbox::component;
use bulkhead_host::store::{self, ComponentCode, Digest, Handler, MAX_COMPONENT, MAX_NATIVE, Native};
use bulkhead_host::text::printable::Shown as _;
use bulkhead_host::wasm::{Description, Kind};

use super::apart;
use super::code::Code;
use crate::output::Progress;
use crate::{preinit, worlds};

/// A component that was compiled.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) component: Digest,
    pub(super) kind: Kind,
    pub(super) native: Vec<Native>,
    pub(super) code: Rc<Code>,
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
pub(super) fn compile(input: &Path, targets: &[Target], policy: &Policy) -> anyhow::Result<Compiled> {
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
    let (mut native, mut codes) = (Vec::new(), Vec::new());
    for target in targets {
        let progress = Progress::of(&format!("compiling {} for {}", about(), target.name()));
        let output = folder.path().join(format!("{}.cwasm", target.name()));
        apart::compile(input, &output, Some(*target), &preinit::Options::default())?;
        drop(progress);
        let stamp = Stamp::check_for_any_target(&output)?;
        ensure!(stamp.source == digest.as_str(), "{}: the file has changed while it was compiled", about());
        if Some(*target) == Target::host() {
            check(&output, input, policy)?;
        }
        let code = fs::read(&output)?;
        native.push(described(*target, &code)?);
        codes.push(code);
    }
    let ready = worlds::ready(&component, input)?;
    let Some(Description { exports, .. }) = Description::read(&ready) else {
        bail!("{}: this is not a component", about());
    };
    let kind = Kind::of(&exports).with_context(about)?;
    ensure!(
        kind != Kind::Engine,
        "{}: this is the engine of scripts, and there is no script for it to run; put the script itself, with --script FILE.js",
        about()
    );
    Ok(Compiled { component: digest, kind, native, code: Rc::new(Code::new(component, codes)) })
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

/// The component that is left when the init function of a component was run, as a file in this folder.
pub(super) fn preinitialised(
    input: &Path,
    options: &preinit::Options,
    folder: &Path,
) -> anyhow::Result<PathBuf> {
    let output =
        folder.join(input.file_name().unwrap_or_else(|| "component".as_ref())).with_extension("wasm");
    let progress = Progress::of(&format!("running the init of {}", input.shown()));
    apart::compile(input, &output, Target::host(), options)?;
    drop(progress);
    Ok(output)
}

impl Compiled {
    /// The handler that runs it with these settings.
    pub(super) fn handler(&self, settings: Settings) -> Handler {
        let Self { component, kind, native, .. } = self;
        let (component, kind, native) = (component.clone(), kind.name().to_owned(), native.clone());
        Handler { code: store::Code::Component(ComponentCode { component, kind, native }), settings }
    }
}
