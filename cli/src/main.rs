//! `bulkhead`: the command that makes handlers ready for Lambda, and reads what they left. One module per subcommand.
//!
//! | exit code | when |
//! |---|---|
//! | 0 | done; nothing is wrong |
//! | 1 | it could not be done, what was checked has mistakes, or what was inspected would not run |
//! | 2 | the arguments are wrong |

mod check;
mod compile;
mod dev;
mod inspect;
mod invoke;
mod preinit;
mod receipts;
mod schema;

mod label;
mod local;
mod output;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs AWS Lambda handlers that are WebAssembly components, each event in a sandbox of its own.
#[derive(Debug, Parser)]
#[command(name = "bulkhead", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  bulkhead compile hello.wasm -o hello.cwasm --target aarch64
  bulkhead check ./package
  bulkhead inspect hello.wasm
  bulkhead dev --port 9000
  bulkhead invoke hello --event '{\"name\": \"world\"}'
  bulkhead receipts --by handler function.log
  bulkhead schema > bulkhead.schema.json";

#[derive(Debug, Subcommand)]
enum Command {
    Compile(compile::Compile),
    Check(check::Check),
    Dev(dev::Dev),
    Inspect(inspect::Inspect),
    Invoke(invoke::Invoke),
    Receipts(receipts::Receipts),
    Schema(schema::Schema),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Compile(compile) => compile.run().map(|()| ExitCode::SUCCESS),
        Command::Check(check) => check.run(),
        Command::Dev(dev) => dev.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Invoke(invoke) => invoke.run(),
        Command::Receipts(receipts) => receipts.run().map(|()| ExitCode::SUCCESS),
        Command::Schema(schema) => schema.run().map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        output::tell(&format!("bulkhead: {error:#}"));
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_has_an_example() {
        let cli = Cli::command();
        cli.clone().debug_assert();
        let commands: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(commands, ["compile", "check", "dev", "inspect", "invoke", "receipts", "schema"]);
        for command in cli.get_subcommands() {
            let example = format!("bulkhead {}", command.get_name());
            assert!(EXAMPLES.contains(&example));
            assert!(command.get_long_about().unwrap().to_string().contains(&format!("Example: {example}")));
        }
    }
}
