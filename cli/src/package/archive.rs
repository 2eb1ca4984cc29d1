//! Writes the zip. It contains no times, users or paths of this machine, so the same files give the same
//! bytes.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::contents::files;
use crate::compile::write_beside;

/// One file of a zip.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) mode: u32,
    /// In bytes.
    pub(super) size: u64,
    /// In bytes.
    pub(super) zipped: u64,
}

/// Writes all files below `staged`. Returns the size of the zip and its files.
pub(super) fn write(staged: &Path, output: &Path) -> anyhow::Result<(u64, Vec<Entry>)> {
    let file = write_beside(output, b"")?;
    let mut zip = ZipWriter::new(BufWriter::new(file.as_file()));
    for name in files(staged)? {
        let path = staged.join(&name);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(fs::metadata(&path)?.permissions().mode() & 0o777);
        zip.start_file_from_path(&name, options)?;
        io::copy(&mut File::open(&path)?, &mut zip)?;
    }
    zip.finish()?;
    let entries = entries(file.reopen()?)?;
    let zipped = file.as_file().metadata()?.len();
    file.persist(output)?;
    Ok((zipped, entries))
}

fn entries(zip: File) -> anyhow::Result<Vec<Entry>> {
    let mut zip = ZipArchive::new(zip)?;
    (0..zip.len())
        .map(|at| {
            let file = zip.by_index_raw(at)?;
            let mode = file.unix_mode().unwrap_or_default() & 0o777;
            Ok(Entry {
                name: file.name()?.into_owned(),
                mode,
                size: file.size(),
                zipped: file.compressed_size(),
            })
        })
        .collect()
}
