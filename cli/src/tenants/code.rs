//! The code of a tenant in the store: its component and the native code for each processor, or its script. Each file has its digest as
//! its name, and is there once for all tenants.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use bulkhead_host::script::object::MOST_OBJECT;
use bulkhead_host::store::layout::Key;
use bulkhead_host::store::{self, Digest, Handler, MAX_COMPONENT};

use super::files::Files;

/// Files of code, with their content.
#[derive(Debug, Default)]
pub(super) struct Code(Vec<(Key, Vec<u8>)>);

impl Code {
    /// A component, and native code.
    pub(super) fn new(component: Vec<u8>, native: Vec<Vec<u8>>) -> Self {
        let native = native.into_iter().map(|code| (Key::native(&Digest::of(&code)), code));
        Self([(Key::component(&Digest::of(&component)), component)].into_iter().chain(native).collect())
    }

    /// The object of a script.
    pub(super) fn of_script(object: Vec<u8>) -> Self {
        Self(vec![(Key::script(&Digest::of(&object)), object)])
    }

    /// The code of a handler whose record was written before.
    pub(super) fn fetch(files: &impl Files, handler: &Handler) -> anyhow::Result<Self> {
        let mut code = Vec::new();
        for (key, digest, most) in files_of(handler) {
            let content = whole(files, &key, digest, most)?;
            code.push((key, content));
        }
        Ok(Self(code))
    }

    /// Writes what is not in the store, and makes the rest as new as if it was written now.
    pub(super) fn write(&self, files: &impl Files) -> anyhow::Result<()> {
        self.0.iter().try_for_each(|(key, content)| files.write(key, content))
    }
}

/// The files that a handler needs, each with its digest and the most bytes that are read of it.
pub(super) fn files_of(handler: &Handler) -> Vec<(Key, &Digest, u64)> {
    match &handler.code {
        store::Code::Component(code) => {
            let component = (Key::component(&code.component), &code.component, MAX_COMPONENT);
            let native = code.native.iter();
            let native = native.map(|native| (Key::native(&native.digest), &native.digest, native.bytes));
            [component].into_iter().chain(native).collect()
        }
        store::Code::Script(digest) => vec![(Key::script(digest), digest, most_script())],
    }
}

/// The most bytes of the object of a script.
pub(super) fn most_script() -> u64 {
    u64::try_from(MOST_OBJECT).unwrap_or(u64::MAX)
}

/// A component in the store.
fn component(files: &impl Files, digest: &Digest) -> anyhow::Result<Vec<u8>> {
    whole(files, &Key::component(digest), digest, MAX_COMPONENT)
}

/// A file whose digest is the one in its name.
fn whole(files: &impl Files, key: &Key, digest: &Digest, most: u64) -> anyhow::Result<Vec<u8>> {
    let Some(content) = files.read(key, most)? else {
        bail!("{key}: the file is not in the store; put the tenant again")
    };
    ensure!(Digest::of(&content) == *digest, "{key}: the file is damaged: it has another digest");
    Ok(content)
}

/// A component in the store, as a file in this folder.
pub(super) fn fetched(files: &impl Files, digest: &Digest, folder: &Path) -> anyhow::Result<PathBuf> {
    let file = folder.join("component.wasm");
    fs::write(&file, component(files, digest)?)?;
    Ok(file)
}
