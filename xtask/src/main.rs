//! `cargo xtask …`: the only list of what is built, checked, shown and measured here.
//!
//! This file owns the command line. A command is a list of [`steps`]; `check.rs` holds the longest one.
//! Nothing here is shipped, and nothing here knows how Bulkhead works inside.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its terminal"
)]

mod arm64;
mod axe;
mod bench;
mod book;
mod bootstraps;
mod budgets;
mod check;
mod compile;
mod cyclonedx;
mod demo;
mod deploy;
mod dist;
mod e2e;
mod emulator;
mod fetched;
mod guests;
mod languages;
mod links;
mod moto;
mod slowest;
mod stamp;
mod steps;
mod table;
mod toolchain;
mod unit;
mod wheel;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Build, show, check and measure Bulkhead.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the real bootstrap against a small Runtime API server, and show one event's way through it
    Demo(demo::Options),
    /// Everything that must hold before a change goes in
    Test(check::Options),
    /// Build every example and test guest as a component
    Guests,
    /// Put a release together, as an archive, a Python wheel and npm packages: the command, the bootstraps of both processors
    Dist,
    /// Compare Bulkhead with the same handler on `lambda_runtime`, side by side
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Workspace::load().and_then(|workspace| match arguments.command {
        Command::Demo(options) => demo::run(&workspace, &options),
        Command::Test(options) => check::run(&workspace, &options),
        Command::Guests => guests::run(&workspace),
        Command::Dist => dist::run(&workspace),
        Command::Bench(options) => bench::run(&workspace, &options),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
