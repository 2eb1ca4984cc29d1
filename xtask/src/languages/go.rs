//! Go: a program for WASI preview 1, built with the installed Go or with the one that pip installs. `bulkhead
//! compile` makes it a component.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Language, Places, python};
use crate::workspace::{run, works};

pub(super) const LANGUAGE: Language = Language {
    name: "go",
    pins: &["requirements.txt"],
    recipe: include_bytes!("go.rs"),
    missing,
    install,
    build,
};

/// Whether Go is installed.
fn is_installed() -> bool {
    works(Command::new("go").arg("version"))
}

fn missing(directory: &Path) -> Option<String> {
    let is_there = is_installed() || python::missing(directory).is_none();
    (!is_there).then(|| {
        "Go needs `go` of 1.22 or later (Debian: apt-get install golang), or `python3` with venv, which installs it".into()
    })
}

fn install(places: &Places) -> Result<()> {
    if is_installed() { Ok(()) } else { python::install(places) }
}

fn build(places: &Places) -> Result<()> {
    let pinned = places.tools.join("bin/go");
    let mut go = if pinned.is_file() { Command::new(pinned) } else { Command::new("go") };
    go.args(["build", "-trimpath", "-o"]).arg(&places.component).arg(".");
    run(go.current_dir(&places.source).envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOFLAGS", "")]))
}
