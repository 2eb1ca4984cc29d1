//! What Lambda does with a zip.
//!
//! May use: nothing.

use std::fs::File;
use std::path::Path;

use tempfile::TempDir;
use zip::ZipArchive;

/// The files of a zip, in a folder that goes when it is dropped.
pub(crate) fn unzip(zip: &Path) -> TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let file = File::open(zip).unwrap_or_else(|error| panic!("{}: {error}", zip.display()));
    ZipArchive::new(file).expect("a zip").extract(root.path()).expect("room");
    root
}
