//! JavaScript: the handler together with StarlingMonkey, which is Firefox's engine, built by
//! `componentize-js` from npm.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Language, Places};
use crate::workspace::{has, run};

pub(super) const LANGUAGE: Language = Language {
    name: "javascript",
    pins: &["package.json", "package-lock.json"],
    recipe: include_bytes!("javascript.rs"),
    missing,
    install,
    build,
};

fn missing(_: &Path) -> Option<String> {
    let is_there = has("node") && has("npm");
    (!is_there).then(|| "JavaScript needs `node` and `npm` (Debian: apt-get install nodejs npm)".into())
}

/// `npm ci` installs exactly what the lock file names, by digest. No package's own script is run. `jco` is
/// pinned to the oldest release that `componentize-js` accepts: the newest adds 170 MB, none of which is used
/// here.
fn install(places: &Places) -> Result<()> {
    for pin in LANGUAGE.pins {
        fs::copy(places.source.join(pin), places.tools.join(pin))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(&places.tools);
    run(&mut npm)
}

/// It runs in the example's folder, so that stack traces contain its file names. `fetch-event` is disabled
/// because it would make the component an HTTP service. `http` stays enabled for `fetch`.
fn build(places: &Places) -> Result<()> {
    let mut componentize = Command::new(places.tools.join("node_modules/.bin/componentize-js"));
    componentize.arg("--wit").arg(places.source.join("wit")).args(["--world-name", "lambda-environment"]);
    componentize.args(["--disable", "fetch-event"]);
    componentize.arg("--out").arg(&places.component).arg("component.js");
    run(componentize.current_dir(&places.source))
}
