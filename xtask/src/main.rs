//! `cargo xtask …`: the commands that build, check, show and measure this repository.
//!
//! This file declares the command line. A command is a list of [`steps`]; the longest one is in `check.rs`.
//! Nothing here ships, and nothing here depends on Bulkhead's internals.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its terminal"
)]

mod arm64;
mod auditable;
mod axe;
mod bench;
mod book;
mod bootstraps;
mod budgets;
mod check;
mod compare;
mod compile;
mod cyclonedx;
mod demo;
mod deny;
mod deploy;
mod dist;
mod e2e;
mod emulator;
mod engine;
mod fetched;
mod guests;
mod languages;
mod links;
mod moto;
mod msrv;
mod package;
mod published;
mod rooms;
mod sdk;
mod semver;
mod slowest;
mod stamp;
mod steps;
mod suites;
mod table;
mod tool;
mod toolchain;
mod training;
mod unit;
mod wheel;
#[cfg(test)]
mod workflows;
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
    /// Run the real bootstrap against a small Runtime API server, and show what happens to one event
    Demo(demo::Options),
    /// Run all checks that a change has to pass
    Test(check::Options),
    /// Build every example and test guest as a component
    Guests,
    /// Build a release, as an archive, a Python wheel and npm packages: the command and the bootstraps of both processors
    Dist,
    /// Compare Bulkhead with the same handler on `lambda_runtime`
    Bench(bench::Options),
    /// Run test262 and web-platform-tests, from checkouts of them, in the engine of scripts
    Suites(suites::Options),
    /// Let the bootstrap work, and write down for the compiler what it uses
    Train,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Workspace::load().and_then(|workspace| match arguments.command {
        Command::Demo(options) => demo::run(&workspace, &options),
        Command::Test(options) => check::run(&workspace, &options),
        Command::Guests => guests::run(&workspace),
        Command::Dist => dist::run(&workspace),
        Command::Bench(options) => bench::run(&workspace, &options),
        Command::Suites(options) => suites::run(&workspace, &options),
        Command::Train => training::run(&workspace),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
