//! The `bulkhead` command on a real terminal: what it asks there, and what it shows while something takes long. Elsewhere it asks
//! nothing, and says the same in plain lines.

use std::process::Command;

use bulkhead_tests::{TaskRoot, Terminal, artifacts};

use crate::project::Folder;

const DOWN: &str = "\x1b[B";
const ENTER: &str = "\r";
const ESCAPE: &str = "\x1b";
const INTERRUPT: &str = "\x03";

/// The command on a terminal, in a folder.
fn bulkhead(folder: &Folder, arguments: &[&str]) -> Terminal {
    let mut command = Command::new(artifacts::cli());
    command.args(arguments).current_dir(folder.path()).env("BULKHEAD_BOOTSTRAP", artifacts::bootstrap());
    Terminal::start(command)
}

fn asked(folder: &Folder) -> Terminal {
    let terminal = bulkhead(folder, &["new", "chosen"]);
    terminal.running.wait_log("Which template?");
    // The last of the list.
    terminal.running.wait_log("tenants");
    terminal.wait_for_keys();
    terminal
}

#[test]
fn new_asks_for_a_template_which_arrows_choose() {
    let folder = Folder::new();
    let mut terminal = asked(&folder);
    terminal.press(DOWN);
    terminal.press(DOWN);
    terminal.press(ENTER);
    assert_eq!(terminal.running.exit_code(), 0);
    assert!(terminal.shown().contains("created chosen from the template streaming"), "{}", terminal.shown());
    assert!(folder.read("chosen/src/lib.rs").contains("streaming_handler"));
}

#[test]
fn new_makes_nothing_where_nothing_is_chosen() {
    for keys in [ESCAPE, INTERRUPT] {
        let folder = Folder::new();
        let mut terminal = asked(&folder);
        terminal.press(keys);
        assert_eq!(terminal.running.exit_code(), 1, "{keys:?}");
        assert!(
            terminal.shown().contains("no template was chosen, so nothing was created"),
            "{}",
            terminal.shown()
        );
        assert!(is_cursor_back(&terminal.shown()), "{:?}", terminal.shown());
        assert!(!folder.path().join("chosen").exists());
    }
}

/// The list hides the cursor, and nobody wants a terminal without one.
fn is_cursor_back(shown: &str) -> bool {
    shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")
}

/// An init that takes a second and a half, and is stopped then.
fn slow(guest: &str) -> [String; 5] {
    let input = artifacts::component(guest).display().to_string();
    ["compile".to_owned(), input, "--preinit".to_owned(), "--init-time".to_owned(), "1500ms".to_owned()]
}

#[test]
fn what_takes_long_is_shown_on_a_terminal_until_it_is_over() {
    let folder = Folder::new();
    let slow = slow("init_loop");
    let arguments = slow.each_ref().map(String::as_str);
    let mut terminal = bulkhead(&folder, &[&arguments[..], &["-o", "out.cwasm"]].concat());
    assert_eq!(terminal.running.exit_code(), 1);
    let shown = terminal.shown();
    let (moving, after) = shown.split_once("bulkhead: ").expect("an error");
    assert!(moving.contains("compiling ") && moving.contains(" 1s") && !moving.contains(" 0s"), "{shown:?}");
    assert!(moving.ends_with("\r\x1b[2K"), "the line is taken away: {shown:?}");
    assert!(after.contains("its init was stopped after 1s 500ms"), "{shown:?}");
}

#[test]
fn what_takes_long_is_a_plain_line_elsewhere() {
    let folder = Folder::new();
    let slow = slow("init_loop");
    let arguments = slow.each_ref().map(String::as_str);
    let ran = folder.bulkhead(&[&arguments[..], &["-o", "out.cwasm"]].concat());
    assert_eq!(ran.code, 1);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines[0].starts_with("compiling ") && lines[0].ends_with("init_loop.wasm"), "{lines:?}");
    assert!(lines[1].starts_with("bulkhead: ") && !ran.stderr.contains('\x1b'), "{lines:?}");
}

#[test]
fn a_terminal_that_takes_no_line_back_gets_plain_ones() {
    let folder = Folder::new();
    let slow = slow("init_loop");
    let mut command = Command::new(artifacts::cli());
    command.args(slow).args(["-o", "out.cwasm"]).current_dir(folder.path()).env("TERM", "dumb");
    let mut terminal = Terminal::start(command);
    assert_eq!(terminal.running.exit_code(), 1);
    let shown = terminal.shown();
    assert!(shown.starts_with("compiling ") && shown.lines().count() == 2, "{shown:?}");
    assert!(!shown.contains('\x1b'), "{shown:?}");
}

#[test]
fn an_answer_that_takes_long_is_waited_for_aloud() {
    let root = TaskRoot::new().with("sleep");
    let path = root.path().display().to_string();
    let folder = Folder::new();
    let waited = folder.bulkhead(&["invoke", "sleep", "--root", &path, "--event", "1500"]);
    assert_eq!(waited.succeeded().stdout, "1500\n");
    assert!(waited.stderr.starts_with("waiting for the answer\n"), "{}", waited.stderr);
    let at_once = folder.bulkhead(&["invoke", "sleep", "--root", &path, "--event", "0"]);
    assert_eq!(at_once.succeeded().stdout, "0\n");
}

#[test]
fn a_long_build_of_dev_is_said_again() {
    // It ends when somebody opens the gate.
    let manifest = "build.command = \"read open < gate; cp $GUEST echo.wasm\"\n[handlers.echo]\n";
    let folder = Folder::with("echo", manifest);
    let gate = folder.path().join("gate");
    rustix::fs::mkfifoat(rustix::fs::CWD, &gate, 0o600.into()).expect("make a gate");
    let mut command = Command::new(artifacts::cli());
    command.args(["dev", "--no-watch", "--port", "0"]).current_dir(folder.path());
    command.env("BULKHEAD_BOOTSTRAP", artifacts::bootstrap()).env("GUEST", artifacts::component("echo"));
    let terminal = Terminal::start(command);
    terminal.running.wait_log("bulkhead dev: the build takes a while");
    std::fs::write(&gate, "now\n").expect("open the gate");
    terminal.running.wait_log("bulkhead dev: ready: echo");
    let (_, after) = terminal
        .shown()
        .split_once("listening")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("an address");
    let (moving, _) = after.split_once("bulkhead dev: ready: echo").expect("it is ready");
    assert!(moving.ends_with("\r\x1b[2K"), "the line is taken away: {after:?}");
}
