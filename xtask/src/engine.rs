//! The engine of scripts: its component, for which its C is compiled with clang, and its tests, which are native programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::auditable;
use crate::compile::{compile, products};
use crate::stamp::Inputs;
use crate::steps::{Outcome, Step};
use crate::workspace::{WASM, Workspace, in_ci, run, works};

/// The folder of engines. Their packages are components, as those of test guests are.
pub(crate) const FOLDER: &str = "engines";

/// What differs from the host's profile: a component does not unwind. The names of its functions, 107 KB, say nothing to the
/// author of a script.
const PROFILE: [&str; 2] = ["profile.release.strip=true", "profile.release.panic=\"abort\""];

/// How the C is optimised. With a limit of 130 for what is inlined the component has 1.50 MB, and a script that computes takes
/// 9.7 ms; with `-Os` it has 1.33 MB, and the script takes 11.3 ms; without a limit, 9.1 ms, and it has more than the 1.5 MB that
/// it may have.
const OPTIMISED: &str = "-O2 -mllvm -inline-threshold=85";

/// The package of the engine.
const PACKAGE: &str = "bulkhead-javascript";

/// The variable that tells the end-to-end tests, and the command that they start, in which folder the engines are.
pub(crate) const VARIABLE: &str = "BULKHEAD_ENGINES";

const INPUTS: Inputs = Inputs::files(&[FOLDER, "guest-sdk", "wit"]);

/// Builds the engine.
pub(crate) const ENGINE: Step = Step {
    name: "engine",
    title: "building the engine of scripts (release; wasm32-wasip2)",
    needs: &["toolchain"],
    inputs: Some(INPUTS),
    run: |workspace| {
        if !has_clang(workspace)? {
            let missing = "the engine of scripts needs clang with a library for wasm32-wasi (Debian: apt-get install clang \
                           wasi-libc)";
            match in_ci() {
                true => bail!("{missing}"),
                false => {
                    return Ok(Outcome::Skipped(format!("{missing}. The tests of scripts will NOT run")));
                }
            }
        }
        let built = build(workspace)?;
        let kept = component(workspace);
        fs::create_dir_all(workspace.target(FOLDER))?;
        let engine = fs::read(&built).with_context(|| format!("reading {}", built.display()))?;
        let engine = auditable::with_list(workspace, &engine)?;
        fs::write(&kept, &engine).with_context(|| format!("writing {}", kept.display()))?;
        println!("      {}: {} bytes", kept.display(), engine.len());
        Ok(Outcome::Made(vec![kept]))
    },
};

/// Runs the tests of the engine.
pub(crate) const ENGINE_UNIT: Step = Step {
    name: "engine-unit",
    title: "unit tests of the engine of scripts, as a native program",
    needs: &["toolchain"],
    inputs: Some(INPUTS),
    run: |workspace| {
        compile(workspace, tests(workspace).arg("--no-run"))?;
        run(&mut tests(workspace))?;
        Ok(Outcome::Done)
    },
};

/// The call of cargo that runs the engine's tests. They need a C compiler, as the host's do.
pub(crate) fn tests(workspace: &Workspace) -> Command {
    workspace.cargo(["test", "--package", PACKAGE, "--lib"])
}

/// Where the component is, once it is built.
pub(crate) fn component(workspace: &Workspace) -> PathBuf {
    workspace.target(FOLDER).join("javascript.wasm")
}

/// The folder of the engines, if they are built.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    component(workspace).is_file().then(|| workspace.target(FOLDER))
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut cargo = workspace.cargo(["build", "--release", "--target", WASM, "--package", PACKAGE]);
    for line in PROFILE {
        cargo.args(["--config", line]);
    }
    for (name, value) in variables(workspace) {
        cargo.env(name, value);
    }
    let mut component = None;
    products(workspace, &cargo, |message| {
        let files = message["filenames"].as_array().into_iter().flatten().filter_map(|file| file.as_str());
        let is_ours = message["target"]["name"] == "bulkhead_javascript";
        let is_component =
            |file: &&str| is_ours && Path::new(file).extension().is_some_and(|end| end == "wasm");
        component = files.filter(is_component).map(PathBuf::from).next().or_else(|| component.take());
    })?;
    let component = component.context("cargo did not build the engine")?;
    ensure!(component.is_file(), "{} is missing", component.display());
    Ok(component)
}

/// What the build script of QuickJS and clang are told: no toolchain is downloaded, and the C library's headers are those of the
/// distribution.
pub(crate) fn variables(workspace: &Workspace) -> [(&'static str, String); 3] {
    let platform = workspace.source("engines/javascript/c/platform.h");
    [
        ("RQUICKJS_SYS_NO_WASI_SDK", "1".to_owned()),
        ("CC_wasm32_wasip2", "clang".to_owned()),
        (
            "CFLAGS_wasm32_wasip2",
            format!("--target=wasm32-wasi -w {OPTIMISED} -include {}", platform.display()),
        ),
    ]
}

fn has_clang(workspace: &Workspace) -> Result<bool> {
    let folder = workspace.target(FOLDER);
    fs::create_dir_all(&folder)?;
    let (source, object) = (folder.join("probe.c"), folder.join("probe.o"));
    fs::write(&source, "#include <stdio.h>\n#include <malloc.h>\n")?;
    let mut clang = Command::new("clang");
    Ok(works(clang.args(["--target=wasm32-wasi", "-c"]).arg(source).arg("-o").arg(object)))
}
