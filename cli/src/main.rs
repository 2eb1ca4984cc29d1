//! `bulkhead`: the command with which you build, check, run, package and analyse handlers. One module per
//! subcommand.
//!
//! | exit code | when |
//! |---|---|
//! | 0 | success |
//! | 1 | the command failed, `check` found mistakes, or an inspected file would not run |
//! | 2 | the arguments are invalid |
//! | 3 | `tenants`: somebody else has changed the tenant |

mod build;
mod check;
mod compile;
mod completions;
mod dev;
mod doctor;
mod init_deploy;
mod inspect;
mod invoke;
mod keygen;
mod new;
mod package;
mod preinit;
mod receipts;
mod schema;
mod tenants;
mod test;

mod files;
mod handlers;
mod json;
mod label;
mod local;
mod number;
mod output;
mod producers;
#[cfg(test)]
mod readme;
mod reset;
mod samples;
mod suggest;
mod table;
mod typescript;
mod worlds;

use std::process::ExitCode;

use bulkhead_host::text::printable;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};

/// Runs AWS Lambda handlers that are WebAssembly components, each event in its own sandbox.
#[derive(Debug, Parser)]
#[command(name = "bulkhead", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  bulkhead new hello --template http
  bulkhead build
  bulkhead compile hello.wasm -o hello.cwasm --target aarch64
  bulkhead check ./package
  bulkhead inspect hello.wasm
  bulkhead dev --port 9000
  bulkhead invoke hello --event '{\"name\": \"world\"}'
  bulkhead test --filter greets
  bulkhead package ./package --arch arm64 -o function.zip
  bulkhead init-deploy --tool sam
  bulkhead receipts --by handler function.log
  bulkhead keygen -o store.pem
  bulkhead tenants put acme --component acme.wasm --key store.pem
  bulkhead schema > bulkhead.schema.json
  bulkhead doctor
  bulkhead completions bash
  bulkhead man ~/.local/share/man/man1";

#[derive(Debug, Subcommand)]
enum Command {
    New(new::New),
    Build(build::Build),
    Compile(compile::Compile),
    Check(check::Check),
    Dev(dev::Dev),
    Inspect(inspect::Inspect),
    Invoke(invoke::Invoke),
    Test(test::Test),
    Package(package::Package),
    InitDeploy(init_deploy::InitDeploy),
    Receipts(receipts::Receipts),
    Keygen(keygen::Keygen),
    Tenants(tenants::Tenants),
    Schema(schema::Schema),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Man(completions::Man),
}

fn main() -> ExitCode {
    completions::answer();
    if let Some(module) = worlds::asked() {
        return worlds::answer(&module);
    }
    if let Some(asked) = tenants::asked() {
        return tenants::answer(&asked);
    }
    std::panic::set_hook(Box::new(output::panicked));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return arguments(answer),
    };
    let done = match cli.command {
        Command::New(new) => new.run().map(|()| ExitCode::SUCCESS),
        Command::Build(build) => build.run(),
        Command::Compile(compile) => compile.run().map(|()| ExitCode::SUCCESS),
        Command::Check(check) => check.run(),
        Command::Dev(dev) => dev.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Invoke(invoke) => invoke.run(),
        Command::Test(test) => test.run(),
        Command::Package(package) => package.run().map(|()| ExitCode::SUCCESS),
        Command::InitDeploy(init) => init.run().map(|()| ExitCode::SUCCESS),
        Command::Receipts(receipts) => receipts.run().map(|()| ExitCode::SUCCESS),
        Command::Keygen(keygen) => keygen.run().map(|()| ExitCode::SUCCESS),
        Command::Tenants(tenants) => tenants.run(),
        Command::Schema(schema) => schema.run().map(|()| ExitCode::SUCCESS),
        Command::Doctor(doctor) => doctor.run(),
        Command::Completions(completions) => completions.run().map(|()| ExitCode::SUCCESS),
        Command::Man(man) => man.run().map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        output::tell(&format!("bulkhead: {error:#}"));
        ExitCode::FAILURE
    })
}

/// Prints clap's answer: an error in the arguments, the help, or the version.
fn arguments(answer: clap::Error) -> ExitCode {
    // Arguments may be file names with line ends, which clap would print as they are. With escaped arguments
    // clap's answer is the same otherwise.
    let shown = std::env::args_os().map(|argument| printable::name(&argument.to_string_lossy()).into_owned());
    let same = Cli::try_parse_from(shown).err().filter(|shown| shown.kind() == answer.kind());
    let answer = same.unwrap_or(answer);
    let text = with_next_step(&answer);
    if answer.use_stderr() {
        output::tell(text.trim_end_matches('\n'));
    } else if output::print(text).is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(u8::MAX))
}

/// The commands of other tools, and what does the same here.
const MEANT: [(&str, &str); 10] = [
    ("create", "new"),
    ("deploy", "init-deploy"),
    ("init", "new"),
    ("lint", "check"),
    ("logs", "receipts"),
    ("run", "invoke"),
    ("serve", "dev"),
    ("start", "dev"),
    ("validate", "check"),
    ("version", "--version"),
];

/// Clap's answer, which is followed by the help of the subcommand in question, and by an example if something is missing.
fn with_next_step(answer: &clap::Error) -> String {
    const HELP: &str = "For more information, try '--help'.";
    let text = answer.render().to_string();
    let cli = Cli::command();
    let mut arguments = std::env::args_os().skip(1);
    if answer.kind() == ErrorKind::InvalidSubcommand {
        let asked = arguments.next().unwrap_or_default();
        let meant = MEANT.iter().find(|(word, _)| asked == *word);
        let tip =
            meant.map_or_else(String::new, |(_, meant)| format!("You may mean `bulkhead {meant}`.\n\n"));
        return text.replace(HELP, &format!("{tip}`bulkhead --help` lists the commands."));
    }
    let Some(command) = arguments.find_map(|argument| cli.find_subcommand(argument)) else { return text };
    let mut name = command.get_name().to_owned();
    // A command may have commands of its own, such as `tenants show`.
    let inner = arguments.find_map(|argument| command.find_subcommand(argument));
    if let Some(inner) = inner {
        name = format!("{name} {}", inner.get_name());
    }
    let command = inner.unwrap_or(command);
    let about = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    let example = about.lines().rfind(|line| line.starts_with("Example: "));
    let example = example.filter(|_| answer.kind() == ErrorKind::MissingRequiredArgument);
    let example = example.map_or_else(String::new, |example| format!("{example}\n\n"));
    text.replace(HELP, &format!("{example}For more information, try 'bulkhead {name} --help'."))
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn every_command_has_an_example() {
        let cli = Cli::command();
        cli.clone().debug_assert();
        let commands: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(
            commands,
            [
                "new",
                "build",
                "compile",
                "check",
                "dev",
                "inspect",
                "invoke",
                "test",
                "package",
                "init-deploy",
                "receipts",
                "keygen",
                "tenants",
                "schema",
                "doctor",
                "completions",
                "man"
            ]
        );
        for command in cli.get_subcommands() {
            let example = format!("bulkhead {}", command.get_name());
            assert!(EXAMPLES.contains(&example));
            assert!(command.get_long_about().unwrap().to_string().contains(&format!("Example: {example}")));
        }
    }
}
