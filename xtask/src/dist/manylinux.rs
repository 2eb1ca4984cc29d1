//! The systems on which a program starts, as the file name of a wheel names them: `manylinux_2_34_x86_64` is every Linux on x86-64
//! with glibc 2.34 or newer (PEP 600). pip compares it with the system that it installs to.

use std::env::consts::ARCH;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use object::Endianness;
use object::elf::{DT_NEEDED, EM_AARCH64, EM_X86_64, VER_FLG_WEAK};
use object::read::elf::{ElfFile64, FileHeader as _, SectionHeader as _};

/// The oldest glibc for which a wheel can be named on both processors.
const OLDEST: u32 = 17;

/// Libraries that every such system has: those of glibc, and the one that unwinds stacks.
const LIBRARIES: [&str; 9] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
];

/// The name of the systems on which all of these programs start.
pub(super) fn tag(programs: &[&Path]) -> Result<String> {
    let mut newest = OLDEST;
    for program in programs {
        let bytes = fs::read(program).with_context(|| format!("reading {}", program.display()))?;
        let needs =
            Needs::of(&bytes).with_context(|| format!("reading {} as a program", program.display()))?;
        newest = newest.max(needs.glibc().with_context(|| program.display().to_string())?);
    }
    Ok(format!("manylinux_2_{newest}_{ARCH}"))
}

/// The libraries that a program needs of the system.
#[derive(Debug, Default)]
struct Needs {
    libraries: Vec<String>,
    /// The versions of their symbols.
    versions: Vec<String>,
}

impl Needs {
    fn of(bytes: &[u8]) -> Result<Self> {
        let file = ElfFile64::<Endianness>::parse(bytes)?;
        let machine = file.elf_header().e_machine(file.endian());
        let here = if ARCH == "aarch64" { EM_AARCH64 } else { EM_X86_64 };
        ensure!(machine == here, "it is not a program for {ARCH}");
        let mut needs = Self::default();
        let dynamic = file.elf_dynamic_table()?;
        for entry in dynamic.iter().filter(|entry| entry.tag == DT_NEEDED) {
            needs.libraries.push(String::from_utf8_lossy(dynamic.string(entry)?).into_owned());
        }
        let endian = file.endian();
        let sections = file.elf_section_table();
        for section in sections.iter() {
            let Some((mut libraries, link)) = section.gnu_verneed(endian, bytes)? else { continue };
            let strings = sections.strings(endian, bytes, link)?;
            while let Some((_, mut versions)) = libraries.next()? {
                while let Some(version) = versions.next()? {
                    // The program starts without a version of which it has only weak symbols.
                    if version.vna_flags.get(endian) & VER_FLG_WEAK == 0 {
                        let name = version.name(endian, strings)?;
                        needs.versions.push(String::from_utf8_lossy(name).into_owned());
                    }
                }
            }
        }
        Ok(needs)
    }

    /// The N of the oldest glibc 2.N with all of these versions.
    fn glibc(&self) -> Result<u32> {
        if let Some(library) = self.libraries.iter().find(|needed| !LIBRARIES.contains(&needed.as_str())) {
            bail!("it needs {library}, which some Linux systems do not have");
        }
        let mut newest = OLDEST;
        for version in self.versions.iter().filter_map(|name| name.strip_prefix("GLIBC_")) {
            let mut numbers = version.split('.').map(str::parse);
            match (numbers.next(), numbers.next()) {
                (Some(Ok(2)), Some(Ok(minor))) => newest = newest.max(minor),
                _ => bail!("it needs GLIBC_{version}, which is not a version of glibc 2"),
            }
        }
        Ok(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(libraries: &[&str], versions: &[&str]) -> Needs {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Needs { libraries: owned(libraries), versions: owned(versions) }
    }

    #[test]
    fn the_newest_version_counts_as_a_number() {
        let glibc = |versions: &[&str]| needs(&["libc.so.6"], versions).glibc();
        assert_eq!(glibc(&["GLIBC_2.4", "GLIBC_2.34", "GLIBC_2.2.5", "GCC_4.2.0"]).unwrap(), 34);
        assert_eq!(glibc(&["GLIBC_2.4"]).unwrap(), OLDEST);
        assert!(glibc(&["GLIBC_PRIVATE"]).unwrap_err().to_string().contains("GLIBC_PRIVATE"));
    }

    #[test]
    fn a_library_that_a_system_may_lack_is_refused_by_name() {
        let error = needs(&["libc.so.6", "libssl.so.3"], &[]).glibc().unwrap_err();
        assert_eq!(error.to_string(), "it needs libssl.so.3, which some Linux systems do not have");
    }

    #[test]
    fn this_program_starts_on_systems_that_have_a_name() {
        let this = std::env::current_exe().unwrap();
        if cfg!(target_env = "gnu") {
            let tag = tag(&[&this]).unwrap();
            assert!(tag.starts_with("manylinux_2_") && tag.ends_with(ARCH), "{tag}");
            assert!(!Needs::of(&fs::read(this).unwrap()).unwrap().versions.is_empty());
        }
        let text = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert!(tag(&[text]).is_err());
    }
}
