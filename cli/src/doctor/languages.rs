//! The tools of languages: the linker that Rust needs, and what handlers in other languages are built with.

use std::process::{Command, Stdio};

use super::Finding;
use super::checks::{said, said_to};

/// The linkers that cargo may use, the default first.
const LINKERS: [&str; 3] = ["cc", "gcc", "clang"];

/// Cargo links the macros of a handler and its tests for this machine.
pub(super) fn linker() -> Finding {
    const WHAT: &str = "linker";
    match LINKERS.iter().find_map(|program| Some((program, said(program).ok()?))) {
        Some((program, version)) => {
            Finding::fine(WHAT, if version.is_empty() { (*program).to_owned() } else { version })
        }
        None => Finding::wrong(
            WHAT,
            "there is no `cc` on the PATH, with which cargo links macros and tests",
            "install a C compiler: `apt install gcc libc6-dev`, `dnf install gcc`, or `xcode-select --install` on macOS",
        ),
    }
}

pub(super) fn node() -> Finding {
    tool("node", "Node.js from https://nodejs.org")
}

pub(super) fn npm() -> Finding {
    tool("npm", "npm, which comes with Node.js: https://nodejs.org")
}

fn tool(what: &'static str, package: &str) -> Finding {
    match said(what) {
        Ok(version) => Finding::fine(what, version),
        Err(_) => Finding::without(
            what,
            format!("there is no {what} that can be run on the PATH"),
            format!("nothing, unless you use the template starlingmonkey: install {package}"),
        ),
    }
}

/// Debian has Python without the modules that make a virtual environment.
pub(super) fn venv() -> Finding {
    const WHAT: &str = "python venv";
    const ADVICE: &str = "nothing, unless you write handlers in Python: install Python 3.10 or newer with venv (`apt install python3-venv`)";
    let Ok(version) = said("python3") else {
        return Finding::without(WHAT, "there is no python3 that can be run on the PATH", ADVICE);
    };
    let mut python = Command::new("python3");
    python
        .args(["-c", "import ensurepip, venv"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match python.status().is_ok_and(|status| status.success()) {
        true => Finding::fine(WHAT, version),
        false => Finding::without(WHAT, format!("{version} lacks the modules ensurepip or venv"), ADVICE),
    }
}

/// A build of a handler in Go installs it, if there is a Python that can.
pub(super) fn go() -> Finding {
    match said_to("go", "version") {
        Ok(version) => Finding::fine("go", version),
        Err(_) => Finding::without(
            "go",
            "there is no go that can be run on the PATH",
            "nothing, unless you write handlers in Go: their build installs it with Python's venv; or install Go 1.22 or newer from https://go.dev/dl",
        ),
    }
}
