//! Wrong calls of the command, as people make them, each with its whole answer: what is wrong, and what to type next.
//!
//! `tests/slips.txt` has the calls and the answers. It is meant to be read from top to bottom by somebody who has never seen
//! Bulkhead, and each answer has to be enough.

use std::process::{Command, Stdio};

use bulkhead_tests::artifacts;

use crate::project::Folder;

const SLIPS: &str = include_str!("../../slips.txt");

/// One call, and the folder in which it is made.
struct Slip {
    title: String,
    /// Files, and their contents. The content `GUEST name` is the component of a guest.
    files: Vec<(String, String)>,
    call: String,
    /// Stdout, then stderr, then the exit code.
    answer: String,
}

/// The calls: a title after `===`, files after `---`, the call after `$`, and the answer.
fn slips() -> Vec<Slip> {
    let parts = SLIPS.split("\n=== ").skip(1);
    let slip = |part: &str| {
        let (head, answered) = part.split_once("\n$ ").unwrap_or_else(|| panic!("a call: {part}"));
        let (call, answer) = answered.split_once('\n').expect("an answer");
        let (title, files) = head.split_once('\n').unwrap_or((head, ""));
        let files = files.split("--- ").skip(1).map(|file| {
            let (name, text) = file.split_once('\n').unwrap_or((file, ""));
            (name.to_owned(), format!("{}\n", text.trim_end()))
        });
        Slip {
            title: title.to_owned(),
            files: files.collect(),
            call: call.to_owned(),
            answer: answer.trim_end().to_owned(),
        }
    };
    parts.map(slip).collect()
}

/// What the command answers, with `FOLDER` in place of the folder's path.
fn answer(slip: &Slip) -> String {
    let folder = Folder::new();
    for (name, text) in &slip.files {
        folder.write(name, text);
        if let Some(guest) = text.trim_end().strip_prefix("GUEST ") {
            std::fs::copy(artifacts::component(guest), folder.path().join(name)).expect("copy a guest");
        }
    }
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("bulkhead() {{ \"$BULKHEAD\" \"$@\"; }}; {}", slip.call)])
        .current_dir(folder.path())
        .env("BULKHEAD", artifacts::cli())
        .env("BULKHEAD_BOOTSTRAP", artifacts::bootstrap())
        .env("CARGO_NET_OFFLINE", "true")
        .stdin(Stdio::null())
        .output()
        .expect("run a shell");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("UTF-8").replace(&*folder.path().to_string_lossy(), "FOLDER");
    // What takes longer than a second is said, on a machine with other work.
    let said: Vec<&str> = said.lines().filter(|line| !line.starts_with("checking ")).collect();
    format!("{}\n[{}]", said.join("\n"), output.status.code().expect("an exit code")).trim_start().to_owned()
}

#[test]
fn each_slip_is_answered_with_the_next_step() {
    let slips = slips();
    assert!(slips.len() >= 160, "{}", slips.len());
    let mut wrong = String::new();
    for slip in &slips {
        let answer = answer(slip);
        if answer != slip.answer {
            wrong +=
                &format!("=== {}\n$ {}\n{answer}\n(and not)\n{}\n\n", slip.title, slip.call, slip.answer);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_answer_shows_what_only_a_programmer_of_bulkhead_knows() {
    for slip in slips() {
        for word in [
            "FATAL",
            "_HANDLER",
            "RUST_BACKTRACE",
            "panicked",
            "unwrap",
            // The words of parsers.
            "column 0",
            "EOF",
            "expected ident",
            "literal string",
            "invalid digit",
            "invalid type",
            "..=",
        ] {
            assert!(
                !slip.answer.contains(word),
                "{word} is in the answer to `{}`:\n{}",
                slip.call,
                slip.answer
            );
        }
        let lines = slip.answer.lines().count();
        assert!(lines <= 30, "{lines} lines answer `{}`", slip.call);
    }
}
