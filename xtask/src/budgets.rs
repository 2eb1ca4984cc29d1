//! The budgets of the products: their sizes, and how many crates the smallest handler compiles. Times are measured by `cargo xtask bench` and never asserted. Whether a
//! bootstrap starts on Lambda's system is checked by `bulkhead package`, which the end-to-end tests call.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::arm64;
use crate::steps::{Outcome, Step};
use crate::table::Table;
use crate::workspace::{Profile, WASM, Workspace};

/// Checks the sizes of what most functions ship.
pub(crate) const BUDGETS: Step = Step {
    name: "budgets",
    title: "checking the sizes of what most functions ship, and the crates of the smallest handler",
    needs: &["guests", "lean"],
    inputs: None,
    run: |workspace| {
        count(workspace)?;
        weigh(&shipped(workspace))
    },
};

/// The most crates that cargo may compile for the example `hello`, including itself. The first build of a new
/// project takes as long as they do.
const MOST_CRATES: usize = 15;

/// Counts the crates of the example `hello`.
fn count(workspace: &Workspace) -> Result<()> {
    let mut tree = workspace.cargo(["tree", "--offline", "--package", "hello", "--target", WASM]);
    let output = tree.args(["--edges", "normal,build", "--prefix", "none"]).output()?;
    ensure!(output.status.success(), "`cargo tree`: {}", String::from_utf8_lossy(&output.stderr));
    let crates = named(&String::from_utf8(output.stdout)?);
    println!("      hello is made of {} crates, at most {MOST_CRATES}", crates.len());
    ensure!(
        crates.len() <= MOST_CRATES,
        "hello is made of {} crates: {}",
        crates.len(),
        crates.into_iter().collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

/// The crates in the output of `cargo tree`, each once: the versions of a crate are crates of their own.
fn named(tree: &str) -> BTreeSet<String> {
    let names = tree.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
    names.filter(|name| !name.is_empty()).collect()
}

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
        ("bootstrap without compiler", workspace.lean_bootstrap(), Some(7_440_000)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_counts_once_for_each_version() {
        let tree = "hello v0.1.0 (/a)\nsyn v2.0.1 (proc-macro)\n\nsyn v3.0.1\nsyn v3.0.1 (*)\n";
        let expected = ["hello v0.1.0", "syn v2.0.1", "syn v3.0.1"].map(str::to_owned);
        assert_eq!(named(tree), BTreeSet::from(expected));
    }
}
