//! Stamps: a file beside a product with the digest of its inputs, or with the digest of the inputs of a step
//! that passed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::workspace::Workspace;

/// The inputs of a step, in addition to the [toolchain and the dependencies](EVERY_STEP).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs {
    /// Files and directories of the checkout; the empty path is the whole checkout.
    pub(crate) paths: &'static [&'static str],
    /// Other inputs.
    pub(crate) also: fn(&Workspace) -> String,
}

impl Inputs {
    /// Only these files and directories.
    pub(crate) const fn files(paths: &'static [&'static str]) -> Self {
        Self { paths, also: |_| String::new() }
    }
}

/// The inputs of every step.
const EVERY_STEP: [&str; 7] = [
    ".cargo",
    "Cargo.lock",
    "Cargo.toml",
    "clippy.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "xtask", // it runs the step
];

/// The digest of a step's inputs.
pub(crate) fn inputs(workspace: &Workspace, inputs: &Inputs) -> Result<String> {
    let root = workspace.source("");
    let mut sum = Sha256::new();
    for path in EVERY_STEP.iter().chain(inputs.paths) {
        let path = workspace.source(path);
        let mut files = if path.is_dir() { walk(&path, |_| true)? } else { vec![path] };
        files.sort();
        for file in files {
            let content = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            let name = file.strip_prefix(&root).unwrap_or(&file);
            sum.update(Sha256::digest(name.as_os_str().as_encoded_bytes()));
            sum.update(Sha256::digest(&content));
        }
    }
    sum.update((inputs.also)(workspace));
    Ok(format!("{:x}", sum.finalize()))
}

/// The digest of a text and of files, with their names. The order of the files does not matter.
pub(crate) fn digest(text: &[u8], files: &[PathBuf]) -> Result<String> {
    let mut files: Vec<&PathBuf> = files.iter().collect();
    files.sort();
    let mut sum = Sha256::new();
    sum.update(Sha256::digest(text));
    for file in files {
        let content = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        sum.update(Sha256::digest(file.file_name().unwrap_or_default().as_encoded_bytes()));
        sum.update(Sha256::digest(&content));
    }
    Ok(format!("{:x}", sum.finalize()))
}

/// All source files below a directory from which a component could be made, which excludes prose.
pub(crate) fn files_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let is_source = |ending: &OsStr| !["md", "wasm", "cwasm"].iter().any(|other| ending == *other);
    walk(directory, |file| file.extension().is_none_or(is_source))
}

/// All files below a directory, except in folders that tools create.
fn walk(directory: &Path, keep: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory).with_context(|| format!("listing {}", directory.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_symlink() {
                continue; // What it leads to is looked at where it lies.
            } else if path.is_dir() {
                open.extend((!LEFT_BEHIND.contains(&&*name)).then_some(path));
            } else if keep(&path) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// Directories that contain no sources.
const LEFT_BEHIND: [&str; 5] = [".git", "__pycache__", "node_modules", "target", "venv"];

/// The state of a step with certain inputs, according to its stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The step has not passed with these inputs, or one of its products has changed since.
    Nothing,
    /// The step has passed with these inputs, and has no products.
    Passed,
    /// The step has made its products from these inputs, and none of them has changed since.
    Made,
}

/// Whether a product was made from inputs with this digest.
pub(crate) fn is(product: &Path, digest: &str) -> bool {
    product.exists() && find(product, digest) == Found::Passed
}

/// Whether a step has passed with inputs of this digest.
pub(crate) fn find(step: &Path, digest: &str) -> Found {
    let stamp = fs::read_to_string(beside(step)).unwrap_or_default();
    let mut lines = stamp.lines();
    if lines.next() != Some(digest) {
        return Found::Nothing;
    }
    let mut found = Found::Passed;
    for line in lines {
        let is_as_made =
            |(digest, product): (&str, &str)| of_file(Path::new(product)).is_ok_and(|is| is == digest);
        if !line.split_once(' ').is_some_and(is_as_made) {
            return Found::Nothing;
        }
        found = Found::Made;
    }
    found
}

/// Records that a product was made from inputs with this digest.
pub(crate) fn put(product: &Path, digest: &str) -> Result<()> {
    put_with_products(product, digest, &[])
}

/// Records that a step has passed with inputs of this digest, and the digests of its products.
pub(crate) fn put_with_products(step: &Path, digest: &str, products: &[PathBuf]) -> Result<()> {
    let stamp = beside(step);
    if let Some(directory) = stamp.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut text = digest.to_owned();
    for product in products {
        text.push_str(&format!("\n{} {}", of_file(product)?, product.display()));
    }
    fs::write(&stamp, text).with_context(|| format!("writing {}", stamp.display()))
}

/// The digest of a text.
pub(crate) fn of_text(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

fn of_file(file: &Path) -> Result<String> {
    let content = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(format!("{:x}", Sha256::digest(&content)))
}

fn beside(product: &Path) -> PathBuf {
    let mut name = product.file_name().unwrap_or_default().to_os_string();
    name.push(".stamp");
    product.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own for each test.
    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("bulkhead-stamp-{}-{name}", std::process::id()));
        fs::create_dir_all(directory.join("node_modules")).unwrap();
        for (file, content) in [("a.js", "1"), ("b.js", "2"), ("README.md", "3"), ("node_modules/c.js", "4")]
        {
            fs::write(directory.join(file), content).unwrap();
        }
        directory
    }

    fn now(directory: &Path) -> String {
        digest(b"recipe", &files_below(directory).unwrap()).unwrap()
    }

    #[test]
    fn it_changes_with_contents_and_names_and_not_with_prose_or_packages() {
        let directory = directory("changes");
        let before = now(&directory);
        fs::write(directory.join("README.md"), "other").unwrap();
        fs::write(directory.join("node_modules/c.js"), "other").unwrap();
        assert_eq!(now(&directory), before);
        fs::write(directory.join("a.js"), "other").unwrap();
        let changed = now(&directory);
        fs::rename(directory.join("b.js"), directory.join("d.js")).unwrap();
        assert!(changed != before && now(&directory) != changed);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn it_holds_as_long_as_its_product_is_there() {
        let directory = directory("holds");
        let product = directory.join("product.wasm");
        put(&product, "17").unwrap();
        assert!(!is(&product, "17"));
        fs::write(&product, "").unwrap();
        assert!(is(&product, "17") && !is(&product, "18"));
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_step_has_made_what_is_as_it_made_it() {
        let directory = directory("made");
        let (step, product) = (directory.join("step"), directory.join("a.js"));
        assert_eq!(find(&step, "17"), Found::Nothing);
        put(&step, "17").unwrap();
        assert_eq!((find(&step, "17"), find(&step, "18")), (Found::Passed, Found::Nothing));
        put_with_products(&step, "17", &[directory.join("b.js"), product.clone()]).unwrap();
        assert_eq!((find(&step, "17"), find(&step, "18")), (Found::Made, Found::Nothing));
        fs::write(&product, "other").unwrap();
        assert_eq!(find(&step, "17"), Found::Nothing);
        put_with_products(&step, "17", std::slice::from_ref(&product)).unwrap();
        fs::remove_file(&product).unwrap();
        assert_eq!(find(&step, "17"), Found::Nothing);
        assert!(put_with_products(&step, "17", &[product]).is_err());
        fs::remove_dir_all(directory).unwrap();
    }
}
