//! `bulkhead`: the command that makes handlers ready for Lambda. One module per subcommand.

mod compile;

use clap::{Parser, Subcommand};

/// Runs AWS Lambda handlers that are WebAssembly components, each event in a sandbox of its own.
#[derive(Debug, Parser)]
#[command(name = "bulkhead", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Compile(compile::Compile),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Compile(compile) => compile.run(),
    }
}
