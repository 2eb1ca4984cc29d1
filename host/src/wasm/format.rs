//! Recognises components and core modules by their first bytes, and other files that are passed by mistake.

/// A file that is not WebAssembly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormatError {
    #[error("it is empty; build it again")]
    Empty,
    #[error("it is truncated after {0} bytes; copy or build it again")]
    Cut(usize),
    #[error("it is a .cwasm with another extension; rename it to .cwasm")]
    Compiled,
    #[error("it is a program for a processor (ELF), not WebAssembly; build it for the target wasm32-wasip2")]
    Elf,
    #[error("it is a zip archive; unpack it and use the .wasm in it")]
    Zip,
    #[error("it is compressed (gzip); unpack it")]
    Gzip,
    #[error("it is WebAssembly text; convert it to a binary with `wasm-tools parse`")]
    WebAssemblyText,
    #[error("it is a Git LFS pointer, not the file itself; fetch the file with `git lfs pull`")]
    LargeFilePointer,
    #[error("it is text, not WebAssembly; pass the .wasm that was built from it")]
    Text,
    #[error(
        "it uses a version of the WebAssembly binary format that this host does not support; use a newer host"
    )]
    Version,
    #[error("it is not WebAssembly: its first bytes are different")]
    Other,
}

/// The content of a file, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Component,
    CoreModule,
}

/// This many bytes are enough to recognise text.
const LOOKED_AT: usize = 512;

/// Recognises these bytes by their beginning.
pub(super) fn detect(bytes: &[u8]) -> Result<Format, FormatError> {
    // The magic number, then the version: 1 is a core module, 13 with layer 1 is a component.
    match bytes.split_first_chunk::<8>() {
        Some(([0, b'a', b's', b'm', 1, 0, 0, 0], _)) => Ok(Format::CoreModule),
        Some(([0, b'a', b's', b'm', 13, 0, 1, 0], _)) => Ok(Format::Component),
        Some(([0, b'a', b's', b'm', ..], _)) => Err(FormatError::Version),
        None if bytes.is_empty() => Err(FormatError::Empty),
        None if b"\0asm\x0d\0\x01\0".starts_with(bytes) || b"\0asm\x01\0\0\0".starts_with(bytes) => {
            Err(FormatError::Cut(bytes.len()))
        }
        Some(_) | None => Err(other(bytes)),
    }
}

fn other(bytes: &[u8]) -> FormatError {
    if bytes.starts_with(b"\x7fELF") {
        return if bytes.ends_with(b"BULKHEAD") { FormatError::Compiled } else { FormatError::Elf };
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return FormatError::Zip;
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return FormatError::Gzip;
    }
    match text(&bytes[..bytes.len().min(LOOKED_AT)]) {
        Some(text) if text.starts_with("version https://git-lfs") => FormatError::LargeFilePointer,
        Some(text) if is_webassembly(text) => FormatError::WebAssemblyText,
        Some(_) => FormatError::Text,
        None => FormatError::Other,
    }
}

/// The bytes as text, ignoring an incomplete character at the end.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_text = text.chars().all(|character| !character.is_control() || character.is_whitespace());
    is_text.then_some(text)
}

fn is_webassembly(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(";;")).unwrap_or_default();
    let word = first.strip_prefix('(').map(str::trim_start).unwrap_or_default();
    word.starts_with("module") || word.starts_with("component")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_and_modules_are_told_apart() {
        assert_eq!(detect(b"\0asm\x0d\0\x01\0"), Ok(Format::Component));
        assert_eq!(detect(b"\0asm\x01\0\0\0\0"), Ok(Format::CoreModule));
    }

    #[test]
    fn every_other_file_is_named() {
        for (bytes, error) in [
            (&b""[..], FormatError::Empty),
            (b"\0as", FormatError::Cut(3)),
            (b"\0asm\x0d\0\x01", FormatError::Cut(7)),
            (b"\x7fELF\x02\x01\x01\0\0\0", FormatError::Elf),
            (b"\x7fELF\x02\x01\x01\0\0\0BULKHEAD", FormatError::Compiled),
            (b"PK\x03\x04\x14\0\0\0", FormatError::Zip),
            (b"\x1f\x8b\x08\0\0\0\0\0", FormatError::Gzip),
            (b";; A handler.\n\n  (component\n", FormatError::WebAssemblyText),
            (b"( module $m)", FormatError::WebAssemblyText),
            (b"version https://git-lfs.github.com/spec/v1\n", FormatError::LargeFilePointer),
            (b"#!/bin/sh\necho\n", FormatError::Text),
            ("wörld".as_bytes(), FormatError::Text),
            (b"fn", FormatError::Text),
            (b"\0asm\x0e\0\x01\0", FormatError::Version),
            (b"\xff\xfe\0\0\0\0\0\0", FormatError::Other),
            (b"\x01\x02\x03\x04\x05\x06\x07\x08", FormatError::Other),
        ] {
            assert_eq!(detect(bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn a_character_that_is_cut_in_two_is_text_still() {
        let long = format!("{}é", "x".repeat(LOOKED_AT - 1));
        assert_eq!(detect(long.as_bytes()), Err(FormatError::Text));
    }
}
