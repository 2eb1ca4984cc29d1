//! What the products may weigh, and how old a system they must still start on. Times are measured by
//! `cargo xtask bench` and never asserted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use object::elf::FileHeader64;
use object::read::elf::{FileHeader as _, SectionHeader as _};
use object::{Endianness, read::elf::ElfFile64};

use crate::steps::{Ending, Step};
use crate::table::Table;
use crate::workspace::Workspace;

/// Amazon Linux 2023, which `provided.al2023` is, has this glibc.
const GLIBC: Version = (2, 34);

/// Sizes and symbol versions.
pub(crate) const BUDGETS: Step = Step {
    name: "budgets",
    title: "weighing the products",
    needs: &["guests", "programs"],
    run: |workspace| {
        let mut table = Table::new(["product", "bytes", "at most", "glibc", "at most"]);
        let mut broken = Vec::new();
        for product in products(workspace) {
            let name = product.name;
            let size = fs::metadata(&product.file).with_context(|| format!("reading {name}"))?.len();
            if product.bytes.is_some_and(|limit| size > limit) {
                broken.push(format!("{name} is too large"));
            }
            let glibc = if product.native { newest_glibc(&product.file)? } else { None };
            if glibc.is_some_and(|version| version > GLIBC) {
                broken.push(format!("{name} wants a glibc that Lambda does not have"));
            }
            let limit = product.bytes.map_or_else(String::new, |limit| limit.to_string());
            table.row([name, &size.to_string(), &limit, &shown(glibc), &shown(glibc.and(Some(GLIBC)))]);
        }
        println!("{table}");
        ensure!(broken.is_empty(), "{}", broken.join("; "));
        Ok(Ending::Done)
    },
};

type Version = (u32, u32);

struct Product {
    name: &'static str,
    file: PathBuf,
    bytes: Option<u64>,
    native: bool,
}

fn products(workspace: &Workspace) -> [Product; 3] {
    [
        Product {
            name: "bootstrap without compiler",
            file: workspace.lean_bootstrap(),
            bytes: Some(6_200_000),
            native: true,
        },
        Product { name: "bootstrap", file: workspace.bootstrap(), bytes: None, native: true },
        Product { name: "hello.wasm", file: workspace.guest("hello"), bytes: Some(80_000), native: false },
    ]
}

/// The newest `GLIBC_…` version that a program's dynamic symbols ask for.
fn newest_glibc(program: &Path) -> Result<Option<Version>> {
    let bytes = fs::read(program).with_context(|| format!("reading {}", program.display()))?;
    wanted_versions(&bytes).with_context(|| format!("reading the symbol versions of {}", program.display()))
}

fn wanted_versions(bytes: &[u8]) -> Result<Option<Version>> {
    let file = ElfFile64::<Endianness>::parse(bytes)?;
    let header: &FileHeader64<Endianness> = file.elf_header();
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let mut newest = None;
    for section in sections.iter() {
        let Some((mut libraries, link)) = section.gnu_verneed(endian, bytes)? else {
            continue;
        };
        let strings = sections.strings(endian, bytes, link)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                newest = newest.max(glibc_version(version.name(endian, strings)?)?);
            }
        }
    }
    Ok(newest)
}

/// `GLIBC_2.34` → (2, 34); other libraries' versions are none of ours.
fn glibc_version(name: &[u8]) -> Result<Option<Version>> {
    let name = String::from_utf8_lossy(name);
    let Some(numbers) = name.strip_prefix("GLIBC_") else {
        return Ok(None);
    };
    let mut parts = numbers.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok(Some((major, minor))),
        _ => bail!("the symbol version {name} cannot be judged"),
    }
}

fn shown(version: Option<Version>) -> String {
    version.map_or_else(String::new, |(major, minor)| format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(glibc_version(b"GLIBC_2.4").unwrap(), Some((2, 4)));
        assert!(glibc_version(b"GLIBC_2.4").unwrap() < glibc_version(b"GLIBC_2.34").unwrap());
        assert_eq!(glibc_version(b"GLIBC_2.2.5").unwrap(), Some((2, 2)));
        assert_eq!(glibc_version(b"GCC_3.0").unwrap(), None);
        glibc_version(b"GLIBC_PRIVATE").unwrap_err();
    }

    #[test]
    fn this_program_wants_a_glibc() {
        let program = std::env::current_exe().unwrap();
        if cfg!(target_env = "gnu") {
            assert!(newest_glibc(&program).unwrap().is_some_and(|version| version >= (2, 2)));
        }
    }
}
