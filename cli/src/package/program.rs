//! Checks whether a bootstrap would start on Lambda: its processor, its glibc, and its version.

use std::fmt;
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use bulkhead_host::engine::Target;
use object::Endianness;
use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64, VER_FLG_WEAK};
use object::read::elf::{ElfFile64, FileHeader as _, SectionHeader as _};

/// The glibc of `provided.al2023`.
const GLIBC: Version = Version(2, 34);

/// The user agent that every bootstrap of this version sends to the Runtime API.
const AGENT: &str = concat!("bulkhead/", env!("CARGO_PKG_VERSION"));

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What `bootstrap --version` prints if it contains the compiler.
const WITH_COMPILER: &str = "with the compiler for .wasm";

/// Whether a bootstrap contains the compiler.
pub(super) fn has_compiler(program: &Path) -> bool {
    let bytes = std::fs::read(program).unwrap_or_default();
    bytes.windows(WITH_COMPILER.len()).any(|window| window == WITH_COMPILER.as_bytes())
}

/// Rejects a bootstrap that would not start on Lambda.
pub(crate) fn check(program: &Path, target: Target) -> anyhow::Result<()> {
    let bytes = std::fs::read(program).context("the file cannot be read")?;
    let file = ElfFile64::<Endianness>::parse(&*bytes)
        .map_err(|_| anyhow!("the file is not a program for Linux; choose a bootstrap with --bootstrap"))?;
    let machine = file.elf_header().e_machine(file.endian());
    let wanted = match target {
        Target::X86_64 => EM_X86_64,
        Target::Aarch64 => EM_AARCH64,
    };
    ensure!(
        machine == wanted,
        "the program is for another processor than {}; choose one with --bootstrap",
        target.name()
    );
    ensure!(
        bytes.windows(AGENT.len()).any(|window| window == AGENT.as_bytes()),
        "the program is not a bootstrap of this version ({}), and could not load the code that is compiled here",
        env!("CARGO_PKG_VERSION")
    );
    let glibc = newest_glibc(&file, &bytes).context("the program's symbol versions cannot be read")?;
    if let Some(glibc) = glibc {
        ensure!(
            glibc <= GLIBC,
            "the program needs glibc {glibc}, but provided.al2023 has {GLIBC}; build it on an older system"
        );
    }
    Ok(())
}

/// The newest `GLIBC_…` version that its dynamic symbols need.
fn newest_glibc(file: &ElfFile64<'_, Endianness>, bytes: &[u8]) -> anyhow::Result<Option<Version>> {
    let header: &FileHeader64<Endianness> = file.elf_header();
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let mut newest = None;
    for section in sections.iter() {
        let Some((mut libraries, link)) = section.gnu_verneed(endian, bytes)? else { continue };
        let strings = sections.strings(endian, bytes, link)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                let name = version.name(endian, strings)?;
                newest = newest.max(needed_glibc(name, version.vna_flags.get(endian))?);
            }
        }
    }
    Ok(newest)
}

/// The glibc that a symbol version with these flags needs.
fn needed_glibc(name: &[u8], flags: u16) -> anyhow::Result<Option<Version>> {
    // The program starts without a version of which it has only weak symbols.
    if flags & VER_FLG_WEAK != 0 { Ok(None) } else { glibc_version(name) }
}

/// Parses `GLIBC_2.34` as 2.34; versions of other libraries are ignored.
fn glibc_version(name: &[u8]) -> anyhow::Result<Option<Version>> {
    let name = String::from_utf8_lossy(name);
    let Some(numbers) = name.strip_prefix("GLIBC_") else { return Ok(None) };
    let mut parts = numbers.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok(Some(Version(major, minor))),
        _ => anyhow::bail!("the symbol version {name} is not a valid version"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(glibc_version(b"GLIBC_2.4").unwrap(), Some(Version(2, 4)));
        assert!(glibc_version(b"GLIBC_2.4").unwrap() < Some(GLIBC));
        assert_eq!(glibc_version(b"GLIBC_2.2.5").unwrap(), Some(Version(2, 2)));
        assert_eq!(glibc_version(b"GCC_3.0").unwrap(), None);
        glibc_version(b"GLIBC_PRIVATE").unwrap_err();
    }

    #[test]
    fn a_version_of_weak_symbols_is_not_needed() {
        assert_eq!(needed_glibc(b"GLIBC_2.39", 0).unwrap(), Some(Version(2, 39)));
        assert_eq!(needed_glibc(b"GLIBC_2.39", VER_FLG_WEAK).unwrap(), None);
        assert_eq!(needed_glibc(b"GLIBC_PRIVATE", VER_FLG_WEAK).unwrap(), None);
    }

    #[test]
    fn what_would_not_start_is_refused_with_its_reason() {
        let (here, other) = match Target::host() {
            Some(Target::Aarch64) => (Target::Aarch64, Target::X86_64),
            _ => (Target::X86_64, Target::Aarch64),
        };
        let this = std::env::current_exe().unwrap();
        let why = |program: &Path, target| format!("{:#}", check(program, target).unwrap_err());
        assert!(why(&this, other).contains("another processor"), "{}", why(&this, other));
        let text = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert!(why(text, here).starts_with("the file is not a program for Linux"));
        assert!(why(Path::new("/no/such"), here).starts_with("the file cannot be read"));
        // A program of the same machine that is none of ours.
        assert!(
            why(Path::new("/bin/sh"), here).starts_with("the program is not a bootstrap of this version")
        );
    }

    #[test]
    fn a_bootstrap_says_itself_whether_it_has_the_compiler() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bootstrap/src/main.rs");
        let source = std::fs::read_to_string(source).unwrap();
        assert!(source.contains(&format!("\"{WITH_COMPILER}\"")), "what is looked for is printed");
        assert!(!has_compiler(Path::new("/bin/sh")) && !has_compiler(Path::new("/no/such")));
    }

    #[test]
    fn this_program_wants_a_glibc() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let file = ElfFile64::<Endianness>::parse(&*bytes).unwrap();
        if cfg!(target_env = "gnu") {
            assert!(newest_glibc(&file, &bytes).unwrap() >= Some(Version(2, 2)));
        }
    }
}
