//! The bytecode of a script in the package of its function, so that not even the first event compiles it.
//!
//! It lies beside the engine, whose native code anyone can replace who can write here: not in the folder of a script, and not in a
//! store. Its place is that of one engine and one script, by their digests, and it says itself for which it is. It is a sequence of
//! texts like the [`object`](super::object) of a script: what it is, the digests of the engine and of the script, and the bytecode of
//! each file, which is empty if it has none. Four bytes with the CRC-32 of the texts are its end. They find damage.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::object::{Reading, text};
use super::{Bytecode, MOST_BYTECODE, Script};
use crate::policy::script_file::ENGINES;

/// The folder of these files, in that of the engines.
const FOLDER: &str = "bytecode";

/// The first text.
const WHAT: &[u8] = b"bulkhead bytecode 1";

/// The most bytes of a file: the bytecode, and a length for each of a thousand files.
const MOST: usize = MOST_BYTECODE + 16 * 1024;

/// A file that is there and does not fit.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is damaged, or something else.
    #[error("it is damaged, or was not made by `bulkhead build` or `bulkhead package` of this version")]
    Damaged,
    /// It is of another engine or script.
    #[error("it was made by another engine, or of another script")]
    Foreign,
}

/// The folder of the bytecode of all scripts, in the task root.
pub fn folder() -> PathBuf {
    Path::new(ENGINES).join(FOLDER)
}

/// The place of the bytecode that an engine has made of a script, in the task root. Both are digests.
pub fn place(engine: &str, script: &str) -> PathBuf {
    let digits = |digest: &str| digest.rsplit(':').next().unwrap_or_default().to_owned();
    folder().join(digits(engine)).join(digits(script))
}

/// The content of the file.
pub fn write(script: &Script, bytecode: &Bytecode) -> Vec<u8> {
    let mut file = Vec::new();
    let mut add = |bytes: &[u8]| file.extend_from_slice(bytes);
    let files = bytecode.files.iter().map(|bytecode| bytecode.as_deref().unwrap_or_default());
    for bytes in [WHAT, bytecode.engine.as_bytes(), script.digest.as_bytes()].into_iter().chain(files) {
        text(bytes, &mut add);
    }
    file.extend_from_slice(&crc32fast::hash(&file).to_le_bytes());
    file
}

/// The bytecode that this engine has made of a script, if a task root has it.
///
/// # Errors
/// If there is a file, and it does not fit.
pub fn read(task_root: &Path, engine: &str, script: &Script) -> Result<Option<Bytecode>, Misfit> {
    let file = match File::open(task_root.join(place(engine, &script.digest))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut content = Vec::new();
    file.take(u64::try_from(MOST).unwrap_or(u64::MAX)).read_to_end(&mut content)?;
    let (texts, sum) = content.split_last_chunk().ok_or(Misfit::Damaged)?;
    if crc32fast::hash(texts) != u32::from_le_bytes(*sum) {
        return Err(Misfit::Damaged);
    }
    let mut reading = Reading(texts);
    let mut next = || reading.text().map_err(|_| Misfit::Damaged);
    if next()? != WHAT {
        return Err(Misfit::Damaged);
    }
    if next()? != engine.as_bytes() || next()? != script.digest.as_bytes() {
        return Err(Misfit::Foreign);
    }
    let file = |bytes: &[u8]| (!bytes.is_empty()).then(|| Arc::from(bytes));
    let files: Vec<_> = script.files().iter().map(|_| next().map(file)).collect::<Result<_, _>>()?;
    if next().is_ok() { Err(Misfit::Damaged) } else { Ok(Some(Bytecode { engine: engine.into(), files })) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script;

    const ENGINE: &str = "sha256:11";

    /// A script of two files, the first of which has bytecode, and the file with that.
    fn packaged() -> (Script, Vec<u8>) {
        let file = |path: &str| script::File { path: path.into(), content: b"1".as_slice().into() };
        let script = Script::new(Path::new("a.js").into(), "a.js", vec![file("a.js"), file("b.js")]).unwrap();
        let files = vec![Some(vec![7; 1000].into()), None];
        let content = write(&script, &Bytecode { engine: ENGINE.into(), files });
        (script, content)
    }

    fn read_of(engine: &str, script: &Script, content: Option<&[u8]>) -> Result<Option<Bytecode>, Misfit> {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join(place(engine, &script.digest));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        content.into_iter().for_each(|content| std::fs::write(&place, content).unwrap());
        read(root.path(), engine, script)
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let (script, content) = packaged();
        assert!(read_of(ENGINE, &script, None).unwrap().is_none());
        let bytecode = read_of(ENGINE, &script, Some(&content)).unwrap().unwrap();
        let script = script.with_bytecode(Some(bytecode));
        assert_eq!((script.bytecode("a.js").unwrap().len(), script.bytecode("b.js")), (1000, None));
        assert!(script.bytecode_for(ENGINE).is_some());
        assert_eq!(place("sha256:0a", "sha256:0b"), Path::new("engines/bytecode/0a/0b"));
    }

    #[test]
    fn what_is_damaged_is_not_taken() {
        let (script, content) = packaged();
        let is_damaged = |content: &[u8]| {
            let read = read_of(ENGINE, &script, Some(content));
            assert!(matches!(read, Err(Misfit::Damaged)), "{read:?}");
        };
        (0..content.len()).for_each(|end| is_damaged(&content[..end]));
        for at in 0..content.len() {
            let mut flipped = content.clone();
            flipped[at] ^= 1;
            is_damaged(&flipped);
        }
        is_damaged(&[&content[..], b"more"].concat());
        // With a sum that is right.
        let summed = |texts: &[u8]| [texts, &crc32fast::hash(texts).to_le_bytes()].concat();
        let texts = &content[..content.len() - 4];
        for odd in [&texts[..0], &texts[..7], &texts[..texts.len() - 8], &[texts, &[0; 8]].concat()] {
            is_damaged(&summed(odd));
        }
        is_damaged(&vec![0; MOST + 1]);
    }

    #[test]
    fn what_another_engine_made_or_of_another_script_is_not_taken() {
        let (script, content) = packaged();
        let other = script::File { path: "a.js".into(), content: b"2".as_slice().into() };
        let other = Script::new(Path::new("a.js").into(), "a.js", vec![other]).unwrap();
        for read in [read_of("sha256:22", &script, Some(&content)), read_of(ENGINE, &other, Some(&content))] {
            assert!(matches!(read, Err(Misfit::Foreign)), "{read:?}");
        }
        // What is no file is an error, too.
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join(place(ENGINE, &script.digest))).unwrap();
        assert!(matches!(read(root.path(), ENGINE, &script), Err(Misfit::Read(_))));
    }
}
