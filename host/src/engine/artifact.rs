//! The `.cwasm` file: native code, followed by a stamp that describes it.
//!
//! ```text
//! the engine's ELF image │ stamp, as JSON │ its length, u32 little-endian │ "BULKHEAD"
//! ```
//!
//! The stamp is read and checked before the image is mapped. It detects stale, foreign and damaged files; it
//! does not make a file trustworthy. Anyone who can write a `.cwasm` can run native code, just like anyone
//! who can write `bootstrap`.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::{BUILD, FINGERPRINT, Reset, Target};
use crate::text::printable::{name, told};

const MAGIC: &[u8; 8] = b"BULKHEAD";
/// The length and the magic.
const TAIL: usize = 12;
/// A stamp is never nearly as long.
const MAX_STAMP: u32 = 64 * 1024;

/// The stamp of a `.cwasm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The versions of Bulkhead and of the engine that compiled it.
    pub build: String,
    /// The fingerprint of the engine's settings.
    pub settings: u32,
    /// The processor that the code is for.
    pub target: String,
    /// The digest of the `.wasm` that it was compiled from, `sha256:…`.
    pub source: String,
    /// Whether the source's init function was run before it was compiled (`--preinit`).
    pub preinitialised: bool,
    /// What the reset of its memories costs for each event, for people.
    pub reset: Reset,
    /// The CRC-32 of the image, and of what is said of its memories.
    pub crc32: u32,
}

/// A `.cwasm` that must not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// Not made by `bulkhead compile`, or truncated.
    #[error("it is damaged, or was not made by `bulkhead compile`")]
    NoStamp,
    /// The image is not the one that was written.
    #[error("it is damaged: its code does not match its checksum")]
    Damaged,
    /// Compiled for another processor.
    #[error("it was compiled for {}, but this machine is {}", name(found), Target::host().map_or("neither x86_64 nor aarch64", Target::name))]
    Target {
        /// The processor that the code is for.
        found: String,
    },
    /// Compiled by another version, or under other settings.
    #[error("it was compiled by {}, and this is {BUILD}", name(found))]
    Build {
        /// The versions that compiled it.
        found: String,
    },
    /// Compiled by a development version under other settings of the engine.
    #[error("it was compiled under other settings of the engine")]
    Settings,
    /// The `.wasm` beside it is a different one.
    #[error("it is stale: it was compiled from another file than the .wasm beside it")]
    Stale,
    /// The engine rejected it for another reason.
    #[error("the engine rejects it: {}", told(.0))]
    Engine(wasmtime::Error),
}

impl Stamp {
    /// The stamp for an image that was just compiled from `source`.
    pub fn new(image: &[u8], source: &[u8], target: Target, reset: Reset) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(image);
        Self {
            build: BUILD.to_owned(),
            settings: FINGERPRINT,
            target: target.name().to_owned(),
            source: digest(source),
            preinitialised: false,
            reset,
            crc32: crc32_with(hasher, reset),
        }
    }

    /// The bytes to append to the image.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers always serialise.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(MAGIC);
        bytes
    }

    /// Reads the stamp of a file and checks that the file may be loaded by this program.
    ///
    /// # Errors
    /// The reason why the file must not be loaded.
    pub fn check(path: &Path) -> Result<Self, ArtifactError> {
        Self::check_whole(File::open(path)?, Self::check_origin)
    }

    /// Reads the stamp of the content of a file, as [`Self::check`] does.
    ///
    /// # Errors
    /// The reason why it must not be loaded.
    pub fn check_bytes(cwasm: &[u8]) -> Result<Self, ArtifactError> {
        Self::check_whole(Cursor::new(cwasm), Self::check_origin)
    }

    /// Reads the stamp for either of Lambda's processors, as far as a file for another processor can be
    /// checked.
    ///
    /// # Errors
    /// The reason why no program of this version may load the file.
    pub fn check_for_any_target(path: &Path) -> Result<Self, ArtifactError> {
        Self::check_whole(File::open(path)?, Self::check_build)
    }

    fn check_whole(
        mut file: impl Read + Seek,
        check: impl Fn(&Self) -> Result<(), ArtifactError>,
    ) -> Result<Self, ArtifactError> {
        let (stamp, image_length) = Self::read(&mut file)?;
        check(&stamp)?;
        file.rewind()?;
        if crc32_with(hashed(file.take(image_length))?, stamp.reset) != stamp.crc32 {
            return Err(ArtifactError::Damaged);
        }
        Ok(stamp)
    }

    /// Reads the stamp of a file and checks its origin, but not whether the image is damaged.
    ///
    /// # Errors
    /// The reason why the file must not be loaded.
    pub fn peek(path: &Path) -> Result<Self, ArtifactError> {
        let (stamp, _) = Self::read(&mut File::open(path)?)?;
        stamp.check_origin().map(|()| stamp)
    }

    fn read(file: &mut (impl Read + Seek)) -> Result<(Self, u64), ArtifactError> {
        let end = file.seek(SeekFrom::End(0))?;
        let tail_at = end.checked_sub(TAIL as u64).ok_or(ArtifactError::NoStamp)?;
        let mut tail = [0; TAIL];
        file.seek(SeekFrom::Start(tail_at))?;
        file.read_exact(&mut tail)?;
        let [a, b, c, d, magic @ ..] = tail;
        let length = u32::from_le_bytes([a, b, c, d]);
        if magic != *MAGIC || length > MAX_STAMP {
            return Err(ArtifactError::NoStamp);
        }
        let image_length = tail_at.checked_sub(length.into()).ok_or(ArtifactError::NoStamp)?;
        file.seek(SeekFrom::Start(image_length))?;
        // Read as a whole: a parser that reads from the file asks for single bytes.
        let mut stamp = Vec::new();
        file.take(length.into()).read_to_end(&mut stamp)?;
        let stamp = serde_json::from_slice(&stamp).map_err(|_| ArtifactError::NoStamp)?;
        Ok((stamp, image_length))
    }

    fn check_origin(&self) -> Result<(), ArtifactError> {
        if Target::parse(&self.target) != Target::host() {
            return Err(ArtifactError::Target { found: self.target.clone() });
        }
        self.check_build()
    }

    fn check_build(&self) -> Result<(), ArtifactError> {
        if Target::parse(&self.target).is_none() {
            return Err(ArtifactError::Target { found: self.target.clone() });
        }
        if self.build != BUILD {
            return Err(ArtifactError::Build { found: self.build.clone() });
        }
        if self.settings != FINGERPRINT { Err(ArtifactError::Settings) } else { Ok(()) }
    }
}

/// The digest of a component, as in `bulkhead.toml` and stamps.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

fn crc32_with(mut hasher: crc32fast::Hasher, reset: Reset) -> u32 {
    let Reset { initial_memory, in_place, in_place_of_several, stack } = reset;
    for number in [initial_memory, in_place, in_place_of_several, stack.unwrap_or(u64::MAX)] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.finalize()
}

/// In pieces, so that checking a large file needs little memory, and uses the processor's nearest cache.
fn hashed(mut reader: impl Read) -> io::Result<crc32fast::Hasher> {
    let mut hasher = crc32fast::Hasher::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok(hasher),
            length => hasher.update(&piece[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESET: Reset =
        Reset { initial_memory: 196_608, in_place: 196_608, in_place_of_several: 65_536, stack: None };

    fn host() -> Target {
        Target::host().expect("tests run where Lambda does")
    }

    fn check(bytes: &[u8]) -> Result<Stamp, ArtifactError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let checked = Stamp::check(file.path());
        let same = Stamp::check_bytes(bytes);
        assert_eq!(checked.as_ref().map_err(ToString::to_string), same.as_ref().map_err(ToString::to_string));
        checked
    }

    fn stamped(image: &[u8], change: impl FnOnce(&mut Stamp)) -> Vec<u8> {
        let mut stamp = Stamp::new(image, b"source", host(), RESET);
        change(&mut stamp);
        [image, &stamp.to_bytes()].concat()
    }

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let stamp = check(&stamped(b"image", |_| ())).unwrap();
        assert_eq!(stamp, Stamp::new(b"image", b"source", host(), RESET));
        assert_eq!(stamp.source, "sha256:41cf6794ba4200b839c53531555f0f3998df4cbb01a4d5cb0b94e3ca5e23947d");
    }

    #[test]
    fn no_cut_and_no_flipped_bit_goes_unnoticed() {
        let whole = stamped(b"image", |_| ());
        for length in 0..whole.len() {
            assert!(check(&whole[..length]).is_err(), "cut to {length}");
        }
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match check(&damaged) {
                Err(_) => {}
                // The source's digest is no part of what is loaded; it is compared with the source itself.
                Ok(stamp) => assert_ne!(stamp.source, digest(b"source"), "bit {bit}"),
            }
        }
    }

    #[test]
    fn a_file_for_another_processor_is_checked_for_all_else() {
        let other =
            if host() == Target::X86_64 { Target::Aarch64.name() } else { Target::X86_64.name() }.to_owned();
        let file = tempfile::NamedTempFile::new().unwrap();
        let check = |change: fn(&mut Stamp)| {
            let bytes = stamped(b"image", |stamp| {
                stamp.target.clone_from(&other);
                change(stamp);
            });
            std::fs::write(file.path(), bytes).unwrap();
            Stamp::check_for_any_target(file.path())
        };
        assert_eq!(check(|_| ()).unwrap().target, other);
        assert!(matches!(Stamp::check(file.path()), Err(ArtifactError::Target { .. })));
        assert!(matches!(check(|stamp| stamp.crc32 ^= 1), Err(ArtifactError::Damaged)));
        assert!(matches!(check(|stamp| stamp.settings ^= 1), Err(ArtifactError::Settings)));
        let foreign = check(|stamp| stamp.target = "s390x".to_owned());
        assert!(matches!(foreign, Err(ArtifactError::Target { .. })));
    }

    #[test]
    fn each_reason_has_its_text() {
        type Change = fn(&mut Stamp);
        let cases: [(Change, &str); 4] = [
            (|stamp| stamp.target = "s390x".to_owned(), "compiled for s390x"),
            (|stamp| stamp.build = "bulkhead 0.0.1".to_owned(), "by bulkhead 0.0.1, and this is bulkhead"),
            (|stamp| stamp.settings ^= 1, "other settings"),
            (|stamp| stamp.crc32 ^= 1, "checksum"),
        ];
        for (change, text) in cases {
            let error = check(&stamped(b"image", change)).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
        assert!(check(b"\0asm").unwrap_err().to_string().contains("not made by `bulkhead compile`"));
    }
}
