//! C: a program for WASI preview 1, built with clang and Debian's wasi-libc. `bulkhead compile` makes it a
//! component.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Language, Places};
use crate::workspace::{run, works};

/// The tools come from the distribution; nothing is pinned or installed.
pub(super) const LANGUAGE: Language =
    Language { name: "c", pins: &[], recipe: include_bytes!("c.rs"), missing, install: |_| Ok(()), build };

const FLAGS: [&str; 5] = ["--target=wasm32-wasi", "-Os", "-Wall", "-Wextra", "-Werror"];

/// Links the smallest program, to see whether compiler, linker, library and builtins are installed.
fn missing(directory: &Path) -> Option<String> {
    let source = directory.join("probe.c");
    let output = directory.join("probe.wasm");
    let written = fs::write(&source, "#include <stdio.h>\nint main(void) { return puts(\"\"); }\n").is_ok();
    let (source, output) = (source.to_string_lossy(), output.to_string_lossy());
    let links = written && works(Command::new("clang").args([FLAGS[0], &*source, "-o", &*output]));
    (!links).then(|| {
        "C needs clang with a linker, a library and builtins for wasm32-wasi (Debian: apt-get install clang \
         lld wasi-libc and, for clang 14, libclang-rt-14-dev-wasm32)"
            .into()
    })
}

fn build(places: &Places) -> Result<()> {
    let mut clang = Command::new("clang");
    run(clang.args(FLAGS).arg(places.source.join("hello.c")).arg("-o").arg(&places.component))
}
