//! `cargo xtask bench --counts`: what one event of `hello` costs in counts: allocations, system calls, and
//! bytes that are reset or copied. Counts do not depend on the machine. The end-to-end test
//! `sandbox::budgets` has their budgets.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bulkhead_tests::{Bootstrap, Counts, TaskRoot};
use clap::Parser;

/// Counts what contestants do for an event. `cargo xtask bench --counts` sets the paths
#[derive(Debug, Parser)]
struct Arguments {
    /// The handlers on `lambda_runtime`
    #[arg(long)]
    native: PathBuf,
    /// The handlers on `lambda_runtime` with one thread
    #[arg(long)]
    native_one_thread: PathBuf,
    /// The bootstrap without the compiler
    #[arg(long)]
    lean: PathBuf,
    /// The compiled component of `examples/hello`
    #[arg(long)]
    cwasm: PathBuf,
}

/// The numbers of concurrent events.
const LEVELS: [usize; 2] = [1, 8];
/// A system call that is less frequent is not shown.
const RARE: f64 = 0.05;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let cwasm = fs::read(&arguments.cwasm).context("reading the component")?;
    let root = TaskRoot::new().file("hello.cwasm", &cwasm);
    let programs = [
        ("lambda_runtime", &arguments.native),
        ("…, one thread", &arguments.native_one_thread),
        ("bulkhead, .cwasm", &arguments.lean),
    ];
    for at_once in LEVELS {
        let count = |(name, program)| {
            Counts::of(&Bootstrap::at(program).task_root(root.path()), at_once).map(|counts| (name, counts))
        };
        let columns: Option<Vec<_>> = programs.into_iter().map(count).collect();
        let columns = columns.context("install strace, which counts the system calls")?;
        println!("{}", table(at_once, &columns));
    }
    Ok(())
}

fn table(at_once: usize, columns: &[(&str, Counts)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut table = format!("| hello, {at_once} at once, per event | {} |\n", names.join(" | "));
    table += &format!("|--|{}\n", "--:|".repeat(columns.len()));
    let mut row = |name: &str, digits: usize, figure: &dyn Fn(&Counts) -> f64| {
        let cells: Vec<_> =
            columns.iter().map(|(_, counts)| format!("{:.digits$}", figure(counts))).collect();
        // Writing into a string does not fail.
        let _ = writeln!(table, "| {name} | {} |", cells.join(" | "));
    };
    row("allocations", 1, &|counts| counts.allocations);
    row("bytes set or copied in blocks of 4 KiB or more", 0, &|counts| counts.bytes);
    row("system calls", 1, &Counts::all_system_calls);
    let calls: BTreeSet<&String> =
        columns.iter().flat_map(|(_, counts)| counts.system_calls.keys()).collect();
    for call in calls {
        let of = |counts: &Counts| counts.system_calls.get(call).copied().unwrap_or_default();
        if columns.iter().any(|(_, counts)| of(counts) >= RARE) {
            row(&format!("`{call}`"), 1, &of);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frequent_system_call_has_a_row() {
        let counts = |calls: &[(&str, f64)]| Counts {
            allocations: 61.0,
            bytes: 8192.0,
            system_calls: calls.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect(),
        };
        let columns = [
            ("a", counts(&[("read", 2.0), ("mmap", 0.01)])),
            ("b", counts(&[("write", 1.5), ("read", 1.0)])),
        ];
        assert_eq!(
            table(8, &columns),
            "| hello, 8 at once, per event | a | b |\n|--|--:|--:|\n\
             | allocations | 61.0 | 61.0 |\n\
             | bytes set or copied in blocks of 4 KiB or more | 8192 | 8192 |\n\
             | system calls | 2.0 | 2.5 |\n| `read` | 2.0 | 1.0 |\n| `write` | 0.0 | 1.5 |\n"
        );
    }
}
