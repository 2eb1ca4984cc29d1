//! What a file is that is no WebAssembly: what people hand in by mistake, by its first bytes.

/// A file that is not even of WebAssembly's form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormError {
    #[error("it is empty; build it again")]
    Empty,
    #[error("it is cut short after {0} bytes; copy or build it again")]
    Cut(usize),
    #[error("it is a .cwasm under another name; give it the ending .cwasm")]
    Compiled,
    #[error("it is a program for a processor (ELF), not WebAssembly; build it for the target wasm32-wasip2")]
    Elf,
    #[error("it is a zip archive; unpack it and take the .wasm within")]
    Zip,
    #[error("it is compressed (gzip); unpack it")]
    Gzip,
    #[error("it is WebAssembly as text; make the binary of it with `wasm-tools parse`")]
    WebAssemblyText,
    #[error("it is Git's pointer to a large file, not the file; fetch that with `git lfs pull`")]
    LargeFilePointer,
    #[error("it is text, not WebAssembly; name the .wasm that was built of it")]
    Text,
    #[error(
        "it is of a version of WebAssembly's binary format that this host does not know; use a newer host"
    )]
    Version,
    #[error("it is not WebAssembly: it does not begin as that does")]
    Other,
}

/// What a file holds, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Component,
    CoreModule,
}

/// So much is enough to take bytes for text.
const LOOKED_AT: usize = 512;

/// What these bytes are, as far as their beginning says it.
pub(super) fn form(bytes: &[u8]) -> Result<Form, FormError> {
    // The magic, then the version: 1 is a core module, 13 and the layer 1 are a component.
    match bytes.split_first_chunk::<8>() {
        Some(([0, b'a', b's', b'm', 1, 0, 0, 0], _)) => Ok(Form::CoreModule),
        Some(([0, b'a', b's', b'm', 13, 0, 1, 0], _)) => Ok(Form::Component),
        Some(([0, b'a', b's', b'm', ..], _)) => Err(FormError::Version),
        None if bytes.is_empty() => Err(FormError::Empty),
        None if b"\0asm\x0d\0\x01\0".starts_with(bytes) || b"\0asm\x01\0\0\0".starts_with(bytes) => {
            Err(FormError::Cut(bytes.len()))
        }
        Some(_) | None => Err(other(bytes)),
    }
}

fn other(bytes: &[u8]) -> FormError {
    if bytes.starts_with(b"\x7fELF") {
        return if bytes.ends_with(b"BULKHEAD") { FormError::Compiled } else { FormError::Elf };
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return FormError::Zip;
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return FormError::Gzip;
    }
    match text(&bytes[..bytes.len().min(LOOKED_AT)]) {
        Some(text) if text.starts_with("version https://git-lfs") => FormError::LargeFilePointer,
        Some(text) if is_webassembly(text) => FormError::WebAssemblyText,
        Some(_) => FormError::Text,
        None => FormError::Other,
    }
}

/// The bytes as text, but for a character at their end that is cut in two.
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
        assert_eq!(form(b"\0asm\x0d\0\x01\0"), Ok(Form::Component));
        assert_eq!(form(b"\0asm\x01\0\0\0\0"), Ok(Form::CoreModule));
    }

    #[test]
    fn every_other_file_is_named() {
        for (bytes, error) in [
            (&b""[..], FormError::Empty),
            (b"\0as", FormError::Cut(3)),
            (b"\0asm\x0d\0\x01", FormError::Cut(7)),
            (b"\x7fELF\x02\x01\x01\0\0\0", FormError::Elf),
            (b"\x7fELF\x02\x01\x01\0\0\0BULKHEAD", FormError::Compiled),
            (b"PK\x03\x04\x14\0\0\0", FormError::Zip),
            (b"\x1f\x8b\x08\0\0\0\0\0", FormError::Gzip),
            (b";; A handler.\n\n  (component\n", FormError::WebAssemblyText),
            (b"( module $m)", FormError::WebAssemblyText),
            (b"version https://git-lfs.github.com/spec/v1\n", FormError::LargeFilePointer),
            (b"#!/bin/sh\necho\n", FormError::Text),
            ("wörld".as_bytes(), FormError::Text),
            (b"fn", FormError::Text),
            (b"\0asm\x0e\0\x01\0", FormError::Version),
            (b"\xff\xfe\0\0\0\0\0\0", FormError::Other),
            (b"\x01\x02\x03\x04\x05\x06\x07\x08", FormError::Other),
        ] {
            assert_eq!(form(bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn a_character_that_is_cut_in_two_is_text_still() {
        let long = format!("{}é", "x".repeat(LOOKED_AT - 1));
        assert_eq!(form(long.as_bytes()), Err(FormError::Text));
    }
}
