//! Python: the handler together with CPython, built by `componentize-py` from PyPI.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Language, Places};
use crate::workspace::{run, works};

pub(super) const LANGUAGE: Language = Language {
    name: "python",
    pins: &["requirements.txt"],
    recipe: include_bytes!("python.rs"),
    missing,
    install,
    build,
};

/// Debian's Python has the module `venv`, but not the modules that it needs.
pub(super) fn missing(_: &Path) -> Option<String> {
    let is_there = works(Command::new("python3").args(["-c", "import venv, ensurepip"]));
    (!is_there).then(|| "Python needs `python3` with venv (Debian: apt-get install python3-venv)".into())
}

pub(super) fn install(places: &Places) -> Result<()> {
    let mut venv = Command::new("python3");
    run(venv.args(["-m", "venv"]).arg(&places.tools))?;
    let mut pip = Command::new(places.tools.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--require-hashes"]);
    pip.args(["--only-binary", ":all:", "--requirement"]).arg(places.source.join("requirements.txt"));
    run(&mut pip)
}

/// A handler may import the packages of this venv, which the variable names; without it, those of the
/// machine's Python would be used.
fn build(places: &Places) -> Result<()> {
    let mut componentize = Command::new(places.tools.join("bin/componentize-py"));
    componentize.arg("--quiet").arg("--wit-path").arg(places.source.join("wit")).args([
        "--world",
        "lambda-client",
        "componentize",
    ]);
    componentize.arg("--python-path").arg(&places.source).arg("--output").arg(&places.component);
    run(componentize.arg("component").env("VIRTUAL_ENV", &places.tools))
}
