//! The size budgets of the products. Times are measured by `cargo xtask bench` and never asserted. Whether a
//! bootstrap starts on Lambda's system is checked by `bulkhead package`, which the end-to-end tests call.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::arm64;
use crate::steps::{Outcome, Step};
use crate::table::Table;
use crate::workspace::{Profile, Workspace};

/// Checks the sizes of what most functions ship.
pub(crate) const BUDGETS: Step = Step {
    name: "budgets",
    title: "checking the sizes of what most functions ship",
    needs: &["guests", "lean"],
    inputs: None,
    run: |workspace| weigh(&shipped(workspace)),
};

/// Checks the sizes of everything in a release.
pub(crate) const BUDGETS_OF_RELEASE: Step = Step {
    name: "budgets",
    title: "checking the sizes of the products",
    needs: &["guests", "programs", "arm64"],
    inputs: None,
    run: |workspace| {
        let mut products = shipped(workspace);
        products.push(("bootstrap", workspace.bootstrap(Profile::Release), None));
        // Not every machine can build it; the step that builds it reports that.
        products.extend(arm64::find(workspace).map(|file| ("bootstrap for arm64", file, Some(5_700_000))));
        weigh(&products)
    },
};

/// A product's name, path and largest allowed size.
type Product = (&'static str, PathBuf, Option<u64>);

fn shipped(workspace: &Workspace) -> Vec<Product> {
    vec![
        ("bootstrap without compiler", workspace.lean_bootstrap(), Some(6_200_000)),
        ("hello.wasm", workspace.guest("hello"), Some(80_000)),
    ]
}

fn weigh(products: &[Product]) -> Result<Outcome> {
    let mut table = Table::new(["product", "bytes", "at most"]);
    let mut broken = Vec::new();
    for (name, file, limit) in products {
        let size = fs::metadata(file).with_context(|| format!("reading {name}"))?.len();
        if limit.is_some_and(|limit| size > limit) {
            broken.push(format!("{name} is too large"));
        }
        table.row([name, &size.to_string(), &limit.map_or_else(String::new, |limit| limit.to_string())]);
    }
    println!("{table}");
    ensure!(broken.is_empty(), "{}", broken.join("; "));
    Ok(Outcome::Done)
}
