//! The examples in other languages than Rust: each is built with the toolchain of its language, which is
//! installed in the target directory and pinned by digest beside the example.
//!
//! Nothing is installed or built twice: a stamp contains the digest of everything that a product was made
//! from. Each language has a file with its tools and how to call them.

mod c;
mod go;
mod javascript;
mod python;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::stamp;
use crate::steps::{Outcome, Step};
use crate::workspace::{Workspace, in_ci};

/// Builds the examples.
pub(crate) const LANGUAGES: Step = Step {
    name: "languages",
    title: "building the examples in JavaScript, Python, Go and C with the tools of their languages",
    needs: &[],
    inputs: None,
    run: |workspace| {
        let mut missing = Vec::new();
        for language in ALL {
            if let Some(tools) = language.make(workspace)? {
                missing.push(format!("{tools}. The tests of examples/{} will NOT run", language.name));
            }
        }
        match missing.is_empty() {
            true => Ok(Outcome::Done),
            false if in_ci() => bail!("{}", missing.join("; ")),
            false => Ok(Outcome::Skipped(missing.join("; "))),
        }
    },
};

/// In the order in which they are built.
const ALL: [Language; 4] = [javascript::LANGUAGE, python::LANGUAGE, go::LANGUAGE, c::LANGUAGE];

/// How the component of one language is built.
struct Language {
    /// The folder in `examples/`, and the name of its component.
    name: &'static str,
    /// The files in that folder that pin the toolchain.
    pins: &'static [&'static str],
    /// The source file that implements the build: if it changes, the component is built again.
    recipe: &'static [u8],
    /// A sentence about tools that this machine lacks, and how to install them.
    missing: fn(&Path) -> Option<String>,
    /// Installs the toolchain into an empty directory.
    install: fn(&Places) -> Result<()>,
    /// Builds the component.
    build: fn(&Places) -> Result<()>,
}

/// The folders and files of one language.
struct Places {
    /// The example.
    source: PathBuf,
    /// The WIT contract.
    wit: PathBuf,
    /// The toolchain.
    tools: PathBuf,
    /// The component, before it is copied beside the others.
    component: PathBuf,
}

impl Language {
    /// Installs and builds what is missing. If tools are missing, returns which.
    fn make(&self, workspace: &Workspace) -> Result<Option<String>> {
        let base = workspace.target("languages");
        let source = workspace.source(&format!("examples/{}", self.name));
        let places = Places {
            wit: workspace.source("wit"),
            tools: base.join(self.name),
            component: base.join(self.name).with_extension("wasm"),
            source,
        };
        let pins: Vec<_> = self.pins.iter().map(|pin| places.source.join(pin)).collect();
        let installed = stamp::digest(self.recipe, &pins)?;
        let mut sources = stamp::files_below(&places.source)?;
        sources.extend(stamp::files_below(&places.wit)?);
        let built = stamp::digest(self.recipe, &sources)?;
        let guest = workspace.guest(self.name);
        if guest.is_file() && stamp::is(&places.component, &built) {
            println!("      {}.wasm is up to date", self.name);
            return Ok(None);
        }
        fs::create_dir_all(&base)?;
        if let Some(tools) = (self.missing)(&base) {
            return Ok(Some(tools));
        }
        if !stamp::is(&places.tools, &installed) {
            fs::remove_dir_all(&places.tools).ok();
            fs::create_dir_all(&places.tools)?;
            (self.install)(&places)?;
            stamp::put(&places.tools, &installed)?;
        }
        (self.build)(&places)?;
        fs::create_dir_all(workspace.guests())?;
        let size = fs::copy(&places.component, &guest);
        let size = size.with_context(|| format!("copying {}", places.component.display()))?;
        stamp::put(&places.component, &built)?;
        println!("      {}.wasm: {size} bytes", self.name);
        Ok(None)
    }
}
