//! The contents of the zip, put into a temporary directory as the function will see them, and checked there.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bulkhead_host::engine::Target;
use bulkhead_host::engine::artifact::{self, Stamp};
use bulkhead_host::policy::manifest::{FILE, Manifest};
use bulkhead_host::script;
use bulkhead_host::text::printable::Shown as _;
use tempfile::TempDir;

use crate::build::{bytecode, is_shipped};
use crate::check;
use crate::compile;
use crate::handlers;
use crate::local::secrets;
use crate::output::{Progress, tell};
use crate::preinit;
use crate::typescript;

/// Fills the directory, which is removed with the returned value.
pub(super) fn stage(
    root: &Path,
    bootstrap: &Path,
    handler: Option<&str>,
    target: Target,
) -> anyhow::Result<TempDir> {
    let manifest = Manifest::read(root)?;
    let staged = tempfile::tempdir().context("no temporary folder can be created for the package")?;
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
        scripts(root, manifest, staged.path())?;
        bytecode::make(staged.path(), manifest, root)?;
    }
    let is_named = manifest.is_some_and(|manifest| !manifest.has_only_handler());
    // Code for another processor can be checked only by its stamp, which was done when it was chosen or
    // compiled.
    if is_named || Some(target) == Target::host() {
        let mistakes = check::mistakes(staged.path(), handler)?;
        ensure!(mistakes.is_empty(), "the bootstrap would reject the package:\n  {}", mistakes.join("\n  "));
    }
    sums(staged.path()).context("the digests of the package cannot be written")?;
    Ok(staged)
}

/// The components without their extensions, relative to the root.
fn sources(
    root: &Path,
    manifest: Option<&Manifest>,
    handler: Option<&str>,
) -> anyhow::Result<BTreeSet<PathBuf>> {
    let handlers = manifest.map_or(&[][..], |manifest| &manifest.handlers);
    if manifest.is_none_or(Manifest::has_only_handler) {
        return Ok(BTreeSet::from([handlers::only(root, handler)?.into()]));
    }
    let sources = handlers.iter().map(|handler| handler.source.clone());
    let sources = sources.chain(manifest.and_then(Manifest::engine_of_store));
    Ok(sources.map(|source| source.with_extension("")).collect())
}

/// The native code of a component: the existing file if it fits, or a new one.
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
    if !wasm.is_file() {
        return Err(crate::files::no_file(&wasm).context(format!("there is no .cwasm for {}", target.name())));
    }
    if let Some(why) = unfit(&cwasm, &wasm, target) {
        tell(&format!("{} {why}, so {} is compiled again", cwasm.shown(), wasm.shown()));
    }
    compile::native(&wasm, &to, target)
}

/// Whether a file is native code for this processor, of this version, and of the component beside it. That of an engine of
/// scripts has to be made with its init.
pub(crate) fn fits(cwasm: &Path, wasm: &Path, target: Target) -> bool {
    let Ok(stamp) = Stamp::check_for_any_target(cwasm) else { return false };
    let is_made_of = |wasm: Vec<u8>| {
        artifact::digest(&wasm) == stamp.source && (stamp.preinitialised || !preinit::is_always_run(&wasm))
    };
    let of_this = || fs::read(wasm).map_or(true, is_made_of);
    stamp.target == target.name() && of_this()
}

/// Why native code does not fit, if the user needs to know. `bulkhead build` leaves code for this machine,
/// and a function on another processor always needs other code; but a user of --preinit has to know that its
/// result is not in the package.
fn unfit(cwasm: &Path, wasm: &Path, target: Target) -> Option<&'static str> {
    let is_of = |stamp: &Stamp| fs::read(wasm).is_ok_and(|wasm| artifact::digest(&wasm) == stamp.source);
    match Stamp::check_for_any_target(cwasm) {
        Ok(stamp) if stamp.target == target.name() && is_of(&stamp) => {
            Some("is an engine of scripts, and was compiled without --preinit")
        }
        Ok(stamp) if stamp.target == target.name() => Some("was compiled from another component"),
        Ok(stamp) => stamp.preinitialised.then_some("was made with --preinit for another processor"),
        Err(_) => cwasm.is_file().then_some("cannot be loaded by this version"),
    }
}

/// The other files that the manifest names: certificates, and the directories of grants.
fn beside(manifest: &Manifest) -> BTreeSet<PathBuf> {
    let handlers = manifest.handlers.iter().map(|handler| &handler.policy);
    let policies = handlers.chain(manifest.tenants.values().map(|tenant| &tenant.policy));
    let directories = policies.flat_map(|policy| policy.grants.files.iter().cloned());
    directories.chain(manifest.extra_ca_certificates.iter().cloned()).collect()
}

/// Copies the files of scripts, as they are read here: each script has those that it had when it was checked, and no others.
fn scripts(root: &Path, manifest: &Manifest, staged: &Path) -> anyhow::Result<()> {
    for place in manifest.scripts().collect::<BTreeSet<_>>() {
        // The check of the package reports a script that cannot be read.
        let Ok(script) = script::read(root, place) else { continue };
        let folder = staged.join(place.parent().unwrap_or_else(|| Path::new("")));
        for file in script.files().iter().filter(|file| is_shipped(&file.path, &script.entry)) {
            // A folder that was not built may have types.
            let of_file = place.with_file_name(&*file.path);
            if typescript::is_declaration(&of_file) {
                continue;
            }
            let content = typescript::strip(&of_file, &file.content)?;
            let to = folder.join(&*file.path);
            make(to.parent().unwrap_or(&folder))?;
            fs::write(&to, content).with_context(|| format!("{} cannot be written", to.shown()))?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o644))
                .with_context(|| format!("{} cannot be made readable", to.shown()))?;
        }
    }
    Ok(())
}

/// Copies a file, or everything below a directory. Symbolic links are followed: in Lambda they would point
/// elsewhere.
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
    if from.file_name().is_some_and(|name| name == secrets::FILE) {
        bail!(
            "{}: this file has secrets in it, which must not be packaged; move it out of the folder",
            from.shown()
        );
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

/// Copies a file, and makes the folders above it readable for everyone: Lambda does not run the function as
/// the owner of its files. The file keeps its mode.
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

/// The file with the digests of all other files.
pub(super) const SUMS: &str = "SHA256SUMS";

/// Writes a file for `sha256sum --check`, with which you can verify the contents of a package.
pub(super) fn sums(staged: &Path) -> std::io::Result<()> {
    let mut lines = String::new();
    for file in files(staged)? {
        let digest = artifact::digest(&fs::read(staged.join(&file))?);
        lines += &sum(digest.trim_start_matches("sha256:"), &file.to_string_lossy());
    }
    fs::write(staged.join(SUMS), lines)?;
    fs::set_permissions(staged.join(SUMS), fs::Permissions::from_mode(0o644))
}

/// One line, escaped as `sha256sum` does it if the name contains line ends.
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
    fn a_file_with_secrets_is_not_packaged() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("a")).unwrap();
        fs::write(from.path().join("a/b"), "").unwrap();
        assert!(tree(from.path(), to.path()).is_ok());
        fs::write(from.path().join("a").join(secrets::FILE), "key = 'x'").unwrap();
        let error = tree(from.path(), to.path()).unwrap_err().to_string();
        assert!(
            error.ends_with(
                "a/bulkhead.secrets.toml: this file has secrets in it, which must not be packaged; move \
                it out of the folder"
            ),
            "{error}"
        );
    }

    #[test]
    fn a_name_of_several_lines_is_one_sum() {
        assert_eq!(sum("00", "a b"), "00  a b\n");
        assert_eq!(sum("00", "a\n11  bootstrap"), "\\00  a\\n11  bootstrap\n");
        assert_eq!(sum("00", "a\\n\r"), "\\00  a\\\\n\\r\n");
    }
}
