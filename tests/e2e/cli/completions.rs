//! The completions of `bulkhead`, by the Tab key of a real bash on a real terminal.

use std::process::Command;

use bulkhead_tests::{Terminal, artifacts};

use crate::project::Folder;

/// A bash in this folder that knows the command and its completions.
fn bash(folder: &Folder) -> Terminal {
    let cli = artifacts::cli();
    let path = std::env::join_paths([
        cli.parent().expect("a folder").to_path_buf(),
        "/usr/bin".into(),
        "/bin".into(),
    ]);
    let mut command = Command::new("bash");
    command.args(["--norc", "--noprofile", "-i"]).current_dir(folder.path());
    command.env("PATH", path.expect("a PATH")).env("PS1", "> ").env("INPUTRC", "/dev/null");
    let mut terminal = Terminal::start(command);
    terminal.wait_for_keys();
    terminal.press("source <(bulkhead completions bash); echo $((40 + 2)) loaded\r");
    terminal.running.wait_log("42 loaded");
    terminal
}

/// What a line becomes with the Tab key.
fn completed(terminal: &mut Terminal, line: &str, wanted: &str) {
    terminal.press(&format!("{line}\t"));
    terminal.running.wait_log(wanted);
    // Away with the line.
    terminal.press("\x15");
}

#[test]
fn bash_completes_commands_flags_samples_and_templates() {
    let folder = Folder::new();
    let mut terminal = bash(&folder);
    completed(&mut terminal, "bulkhead rec", "bulkhead receipts ");
    completed(&mut terminal, "bulkhead invoke --samp", "bulkhead invoke --sample ");
    completed(
        &mut terminal,
        "bulkhead invoke --sample sns-uns",
        "bulkhead invoke --sample sns-unsubscribe-confirmation ",
    );
    completed(
        &mut terminal,
        "bulkhead new hello --template api",
        "bulkhead new hello --template api-gateway ",
    );
    // Where there are several, it lists them.
    completed(&mut terminal, "bulkhead invoke --sample kinesis-\t", "kinesis-event");
}

#[test]
fn bash_completes_the_handlers_and_tenants_of_the_project_here() {
    let folder = Folder::new();
    folder.write("orders.wasm", "");
    let mut terminal = bash(&folder);
    completed(&mut terminal, "bulkhead invoke ord", "bulkhead invoke orders ");
    // From here on the manifest says which there are.
    folder.write(
        "bulkhead.toml",
        "[handlers.invoices]\n[handlers.orders]\n[tenants.globex]\nhandler = \"orders\"\n",
    );
    completed(&mut terminal, "bulkhead invoke inv", "bulkhead invoke invoices ");
    completed(&mut terminal, "bulkhead invoke orders --tenant gl", "bulkhead invoke orders --tenant globex ");
}
