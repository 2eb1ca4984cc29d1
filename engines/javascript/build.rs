//! Links the stack of the engine, and packs the prelude.
//!
//! A call of a function of a script takes about 260 bytes of the stack. All of it is reset for each event, so it is no larger than
//! what scripts that recurse need.
//!
//! The prelude is needed once, where the engine is initialised. Without comments and indentation, and packed as `src/prelude/packed.rs`
//! unpacks it, it has a third of its bytes.

use std::collections::HashMap;
use std::path::Path;
use std::{env, fs, io};

/// The files of the prelude, in the order in which they run.
const FILES: [&str; 12] = [
    "core", "console", "events", "encoding", "crypto", "url", "headers", "streams", "writable", "blob",
    "fetch", "service",
];

/// The shortest match that is worth its place.
const SHORTEST: usize = 4;
/// How far back a match may lie.
const FARTHEST: usize = 65535;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/prelude");
    println!("cargo::rustc-link-arg-cdylib=-zstack-size=262144");
    let mut all = String::new();
    for name in FILES {
        let text = fs::read_to_string(format!("src/prelude/{name}.js"))?;
        // The name, and the text up to a zero.
        all.push_str(name);
        all.push('\n');
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")) {
            // Its parts are joined by the `concat` that `String.prototype` has then, which a script may have replaced.
            if line.contains('`') {
                return Err(io::Error::other(format!(
                    "{name}.js has a template, and must use `+` or textOf(): {line}"
                )));
            }
            all.push_str(line);
            all.push('\n');
        }
        all.push('\0');
    }
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("there is no OUT_DIR"))?;
    fs::write(Path::new(&out).join("prelude.packed"), pack(all.as_bytes()))
}

/// Packs a text: in turn, bytes as they are, and a place before them from which bytes are copied.
fn pack(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut seen: HashMap<&[u8], Vec<usize>> = HashMap::new();
    let (mut at, mut from) = (0, 0);
    let mut noted = 0;
    while at < text.len() {
        while noted < at {
            if let Some(key) = text.get(noted..noted + SHORTEST) {
                seen.entry(key).or_default().push(noted);
            }
            noted += 1;
        }
        let (length, distance) = longest(text, at, &seen);
        // A longer match at the next place is better.
        if length < SHORTEST || longest(text, at + 1, &seen).0 > length {
            at += 1;
            continue;
        }
        write(&mut packed, &text[from..at], length - SHORTEST + 1);
        packed.extend_from_slice(&u16::try_from(distance).unwrap_or(0).to_le_bytes());
        at += length;
        from = at;
    }
    write(&mut packed, &text[from..], 0);
    packed
}

/// The longest match of what follows, and how far back it is.
fn longest(text: &[u8], at: usize, seen: &HashMap<&[u8], Vec<usize>>) -> (usize, usize) {
    let Some(places) = text.get(at..at + SHORTEST).and_then(|key| seen.get(key)) else { return (0, 0) };
    let near = places.iter().rev().take_while(|place| at - **place <= FARTHEST);
    let length = |place: usize| text[at..].iter().zip(&text[place..]).take_while(|(a, b)| a == b).count();
    near.map(|place| (length(*place), at - *place))
        .fold((0, 0), |best, one| if one.0 > best.0 { one } else { best })
}

/// Writes bytes as they are, and how many are copied after them: 0 at the end.
fn write(packed: &mut Vec<u8>, bytes: &[u8], copied: usize) {
    let first = |number: usize| u8::try_from(number.min(15)).unwrap_or(15);
    packed.push((first(bytes.len()) << 4) | first(copied));
    rest(packed, bytes.len());
    packed.extend_from_slice(bytes);
    rest(packed, copied);
}

/// What a number has beyond the 15 that fit into four bits.
fn rest(packed: &mut Vec<u8>, number: usize) {
    let Some(mut left) = number.checked_sub(15) else { return };
    while left >= 255 {
        packed.push(255);
        left -= 255;
    }
    packed.push(u8::try_from(left).unwrap_or(0));
}
