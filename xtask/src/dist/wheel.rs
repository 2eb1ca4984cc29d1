//! The Python wheel: a zip with files that pip copies below the prefix of its environment, and a list of their digests. It
//! contains no Python code. The same release always gives the same bytes.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::about::{self, KEYWORDS, LICENSE, LICENSES, NAME, README, REPOSITORY, SUMMARY, VERSION};
use super::{SBOM, prefix};

/// One file of a wheel.
#[derive(Debug)]
struct Member {
    name: String,
    content: Vec<u8>,
    mode: u32,
}

/// Makes the wheel of a release, for the systems that have this name.
pub(super) fn make(release: &Path, systems: &str, place: &Path) -> Result<PathBuf> {
    let version = about::python_version(VERSION)?;
    // In the file name of a wheel, a hyphen ends the name of the package.
    let stem = format!("{}-{version}", NAME.replace('-', "_"));
    let tag = format!("py3-none-{systems}");
    let mut members = data(release, &stem)?;
    members.extend(info(release, &stem, &tag)?);
    members.sort_by(|a, b| a.name.cmp(&b.name));
    members.push(record(&members, &format!("{stem}.dist-info/RECORD")));
    let wheel = place.join(format!("{stem}-{tag}.whl"));
    write(&members, &wheel).with_context(|| format!("writing {}", wheel.display()))?;
    Ok(wheel)
}

/// The programs, and the files that are installed with them. `scripts` is the `bin` of an environment, `data` its prefix.
fn data(release: &Path, stem: &str) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    for item in prefix::items(release)? {
        let place = match item.place.strip_prefix("bin/") {
            Some(program) => format!("scripts/{program}"),
            None => format!("data/{}", item.place),
        };
        let mode = if item.is_program() { 0o755 } else { 0o644 };
        members.push(Member { name: format!("{stem}.data/{place}"), content: read(&item.source)?, mode });
    }
    Ok(members)
}

/// The files that pip and PyPI read.
fn info(release: &Path, stem: &str, tag: &str) -> Result<Vec<Member>> {
    let text = |place: &str, content: Vec<u8>| {
        let name = format!("{stem}.dist-info/{place}");
        Member { name, content, mode: 0o644 }
    };
    let wheel = format!(
        "Wheel-Version: 1.0\nGenerator: bulkhead-xtask {VERSION}\nRoot-Is-Purelib: false\nTag: {tag}\n"
    );
    let mut members = vec![text("METADATA", metadata()?.into_bytes()), text("WHEEL", wheel.into_bytes())];
    for license in LICENSES {
        members.push(text(&format!("licenses/{license}"), read(&release.join(license))?));
    }
    members.push(text(&format!("sboms/{SBOM}"), read(&release.join(SBOM))?));
    Ok(members)
}

/// The core metadata, in the oldest version of their format that has licence expressions.
fn metadata() -> Result<String> {
    let mut lines = vec![
        "Metadata-Version: 2.4".to_owned(),
        format!("Name: {NAME}"),
        format!("Version: {}", about::python_version(VERSION)?),
        format!("Summary: {SUMMARY}"),
        format!("Keywords: {}", KEYWORDS.join(",")),
        format!("License-Expression: {LICENSE}"),
    ];
    lines.extend(LICENSES.map(|license| format!("License-File: {license}")));
    for classifier in
        ["Environment :: Console", "Operating System :: POSIX :: Linux", "Programming Language :: Rust"]
    {
        lines.push(format!("Classifier: {classifier}"));
    }
    lines.push(format!("Project-URL: Repository, {REPOSITORY}"));
    lines.push(format!("Project-URL: Changelog, {REPOSITORY}/blob/main/CHANGELOG.md"));
    lines.push("Description-Content-Type: text/markdown".to_owned());
    Ok(format!("{}\n\n{README}", lines.join("\n")))
}

/// The list of all files with their digests. It contains its own name, without a digest.
fn record(members: &[Member], name: &str) -> Member {
    let mut lines = String::new();
    for member in members {
        let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&member.content));
        lines.push_str(&format!("{},sha256={digest},{}\n", member.name, member.content.len()));
    }
    lines.push_str(&format!("{name},,\n"));
    Member { name: name.to_owned(), content: lines.into_bytes(), mode: 0o644 }
}

fn write(members: &[Member], wheel: &Path) -> Result<()> {
    let mut zip = ZipWriter::new(File::create(wheel)?);
    for member in members {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(member.mode);
        zip.start_file(&member.name, options)?;
        zip.write_all(&member.content)?;
    }
    zip.finish()?;
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("reading {}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use zip::ZipArchive;

    use super::*;
    use crate::dist::tests::release;

    #[test]
    fn the_metadata_has_the_fields_that_pypi_requires() {
        let metadata = metadata().unwrap();
        let (head, body) = metadata.split_once("\n\n").unwrap();
        assert!(head.starts_with("Metadata-Version: 2.4\nName: bulkhead-lambda\nVersion: "));
        assert!(
            head.contains("\nLicense-Expression: (Apache-2.0 WITH LLVM-exception) OR MIT\nLicense-File: ")
        );
        assert!(body.starts_with("# Bulkhead\n"));
        // A relative link would be broken on the page of a registry.
        assert!(body.split("](").skip(1).all(|link| link.starts_with("https://")), "{body}");
    }

    #[test]
    fn the_record_has_the_digest_of_every_file() {
        let release = release("record");
        let wheel = make(&release.folder, "manylinux_2_34_x86_64", &release.place).unwrap();
        let name = wheel.file_name().unwrap().to_str().unwrap();
        assert!(
            name.starts_with("bulkhead_lambda-") && name.ends_with("-py3-none-manylinux_2_34_x86_64.whl")
        );
        let mut zip = ZipArchive::new(File::open(&wheel).unwrap()).unwrap();
        let mut all = Vec::new();
        for at in 0..zip.len() {
            let mut file = zip.by_index(at).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            all.push((file.name().unwrap().into_owned(), file.unix_mode().unwrap(), bytes));
        }
        let (last, _, record) = all.last().unwrap();
        assert!(last.ends_with(".dist-info/RECORD"));
        let record = String::from_utf8(record.clone()).unwrap();
        assert_eq!(record.lines().count(), all.len());
        for (name, mode, bytes) in &all[..all.len() - 1] {
            let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
            let line = format!("{name},sha256={digest},{}", bytes.len());
            assert!(record.lines().any(|found| found == line), "{line}");
            // pip installs an entry as a program only if its mode contains the type of a file.
            let is_program =
                name.contains("/scripts/") || name.contains("/libexec/") && !name.contains("/engines/");
            assert_eq!(*mode, if is_program { 0o100_755 } else { 0o100_644 }, "{name}");
        }
    }
}
