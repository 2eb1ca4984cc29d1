//! What goes into the zip, laid out in a directory as the function will find it, and checked there.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bulkhead_host::dispatch::catalog;
use bulkhead_host::engine::Target;
use bulkhead_host::engine::artifact::{self, Stamp};
use bulkhead_host::policy::manifest::{FILE, Manifest};
use bulkhead_host::text::printable::Shown as _;
use tempfile::TempDir;

use crate::check;
use crate::compile;
use crate::output::{Progress, tell};

/// Lays it out. It is removed with what is returned.
pub(super) fn stage(
    root: &Path,
    bootstrap: &Path,
    handler: Option<&str>,
    target: Target,
) -> anyhow::Result<TempDir> {
    let manifest = Manifest::read(root)?;
    let staged = tempfile::tempdir().context("there is no place to lay the package out")?;
    copy(bootstrap, &staged.path().join("bootstrap"), 0o755)?;
    let sources = sources(root, manifest.as_ref(), handler)?;
    let progress = Progress::start();
    for (at, source) in sources.iter().enumerate() {
        progress.tell(&format!("compiling {} ({} of {})", source.shown(), at + 1, sources.len()));
        native(root, source, staged.path(), target)?;
    }
    drop(progress);
    if let Some(manifest) = &manifest {
        copy(&root.join(FILE), &staged.path().join(FILE), 0o644)?;
        for file in beside(manifest) {
            tree(&root.join(&file), &staged.path().join(&file))?;
        }
    }
    let is_named = manifest.is_some_and(|manifest| !manifest.handlers.is_empty());
    // Code for another processor can only be checked by its stamp, which was done when it was chosen or made.
    if is_named || Some(target) == Target::host() {
        let mistakes = check::mistakes(staged.path(), handler)?;
        ensure!(mistakes.is_empty(), "the bootstrap would refuse it:\n  {}", mistakes.join("\n  "));
    }
    sums(staged.path()).context("the digests of the package cannot be written")?;
    Ok(staged)
}

/// The components without their endings, relative to the root.
fn sources(
    root: &Path,
    manifest: Option<&Manifest>,
    handler: Option<&str>,
) -> anyhow::Result<BTreeSet<PathBuf>> {
    let handlers = manifest.map_or(&[][..], |manifest| &manifest.handlers);
    if handlers.is_empty() {
        return Ok(BTreeSet::from([catalog::find(root, handler)?.into()]));
    }
    Ok(handlers.iter().map(|handler| handler.source.with_extension("")).collect())
}

/// The native code of a component: the one that is there if it fits, or a new one.
fn native(root: &Path, source: &Path, staged: &Path, target: Target) -> anyhow::Result<()> {
    let ending = |root: &Path, ending: &str| {
        let mut path = root.join(source).into_os_string();
        path.push(ending);
        PathBuf::from(path)
    };
    let (wasm, cwasm, to) = (ending(root, ".wasm"), ending(root, ".cwasm"), ending(staged, ".cwasm"));
    if let Some(folder) = to.parent() {
        make(folder)?;
    }
    if fits(&cwasm, &wasm, target) {
        return copy(&cwasm, &to, 0o644);
    }
    ensure!(wasm.is_file(), "there is no {}, and no .cwasm of it for {}", wasm.shown(), target.name());
    if let Some(why) = unfit(&cwasm, target) {
        tell(&format!("{} {why}, so {} is compiled anew", cwasm.shown(), wasm.shown()));
    }
    compile::native(&wasm, &to, target)
}

/// Whether it is native code for this processor, of this version, and of the component beside it.
pub(crate) fn fits(cwasm: &Path, wasm: &Path, target: Target) -> bool {
    let Ok(stamp) = Stamp::check_for_any_target(cwasm) else { return false };
    let of_this = || fs::read(wasm).map_or(true, |wasm| artifact::digest(&wasm) == stamp.source);
    stamp.target == target.name() && of_this()
}

/// Why native code does not fit, where that is news. `bulkhead build` leaves code for this machine, and a function on another
/// processor needs other code; but whoever had work done ahead has to know that it is not in there.
fn unfit(cwasm: &Path, target: Target) -> Option<&'static str> {
    match Stamp::check_for_any_target(cwasm) {
        Ok(stamp) if stamp.target == target.name() => Some("is of another component"),
        Ok(stamp) => stamp.preinitialised.then_some("was made with --preinit for another processor"),
        Err(_) => cwasm.is_file().then_some("cannot be loaded by this version"),
    }
}

/// What else the manifest names: certificates, and the directories that handlers and tenants may read.
fn beside(manifest: &Manifest) -> BTreeSet<PathBuf> {
    let handlers = manifest.handlers.iter().map(|handler| &handler.policy);
    let policies = handlers.chain(manifest.tenants.values().map(|tenant| &tenant.policy));
    let directories = policies.flat_map(|policy| policy.grants.files.iter().cloned());
    directories.chain(manifest.extra_ca_certificates.iter().cloned()).collect()
}

/// Copies a file, or all that is below a directory. Links would point elsewhere in Lambda.
fn tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    let cannot_read = || format!("{} cannot be read", from.shown());
    let kind = fs::symlink_metadata(from).with_context(cannot_read)?.file_type();
    if kind.is_dir() {
        make(to)?;
        for entry in fs::read_dir(from).with_context(cannot_read)? {
            let entry = entry.with_context(cannot_read)?;
            tree(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if !kind.is_file() {
        bail!("{} is neither a file nor a directory, so it cannot be packaged", from.shown());
    }
    if let Some(folder) = to.parent() {
        make(folder)?;
    }
    copy(from, to, 0o644)
}

fn make(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.shown()))
}

fn copy(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    let copied = fs::copy(from, to).and_then(|_| fs::set_permissions(to, fs::Permissions::from_mode(mode)));
    copied.with_context(|| cannot_copy(from, to))
}

fn cannot_copy(from: &Path, to: &Path) -> String {
    format!("{} cannot be copied to {}", from.shown(), to.shown())
}

/// The same into folders that are made where they are missing, and that anyone may read: Lambda runs the function as
/// another user than the one that owns its files. The file keeps its mode.
pub(super) fn copy_below(root: &Path, from: &Path, to: &Path) -> anyhow::Result<()> {
    let folders = to.ancestors().skip(1).take_while(|folder| folder.starts_with(root));
    for folder in folders {
        make(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("{} cannot be made readable", folder.shown()))?;
    }
    fs::copy(from, to).with_context(|| cannot_copy(from, to))?;
    Ok(())
}

/// The digests of all files beside it.
pub(super) const SUMS: &str = "SHA256SUMS";

/// What `sha256sum --check` reads, so that whoever has the package can tell what is in it.
pub(super) fn sums(staged: &Path) -> std::io::Result<()> {
    let mut lines = String::new();
    for file in files(staged)? {
        let digest = artifact::digest(&fs::read(staged.join(&file))?);
        lines += &sum(digest.trim_start_matches("sha256:"), &file.to_string_lossy());
    }
    fs::write(staged.join(SUMS), lines)?;
    fs::set_permissions(staged.join(SUMS), fs::Permissions::from_mode(0o644))
}

/// One line, as `sha256sum` writes it of a name that would be several.
fn sum(digest: &str, name: &str) -> String {
    let escaped = name.replace('\\', r"\\").replace('\n', r"\n").replace('\r', r"\r");
    let mark = if escaped == name { "" } else { "\\" };
    format!("{mark}{digest}  {escaped}\n")
}

/// All files below a directory, relative to it, in the order of their names.
pub(super) fn files(root: &Path) -> std::io::Result<BTreeSet<PathBuf>> {
    let mut open = vec![PathBuf::new()];
    let mut found = BTreeSet::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            match entry.file_type()?.is_dir() {
                true => open.push(path),
                false => found.extend([path]),
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_lines_is_one_sum() {
        assert_eq!(sum("00", "a b"), "00  a b\n");
        assert_eq!(sum("00", "a\n11  bootstrap"), "\\00  a\\n11  bootstrap\n");
        assert_eq!(sum("00", "a\\n\r"), "\\00  a\\\\n\\r\n");
    }
}
