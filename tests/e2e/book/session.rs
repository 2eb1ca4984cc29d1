//! A reader at a terminal: one bash for what is typed, and one more for each program that goes on running.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bulkhead_tests::{Running, artifacts};

use super::output;
use super::page::Typed;
use crate::project::{Folder, TARGET};

/// The SDK is compiled on the way, and other chapters are at it, too.
const WAIT_LIMIT: Duration = Duration::from_secs(300);

/// What is printed between two commands.
const END: &str = "<<< end of";

/// The ports of what goes on running, in the book: each as it stands there, and what it is printed behind.
const PORTS: [(&str, &str); 3] = [
    ("127.0.0.1:9000", "listening on http://"),
    ("localhost:9001", "function URLs are on http://NAME."),
    ("127.0.0.1:8000", "(http://"),
];

/// The programs that listen, in the book and with a port that the system chooses.
const ANY_PORT: [(&str, &str); 2] =
    [("bulkhead dev", "bulkhead dev --port 0"), ("http.server 8000", "http.server 0")];

pub(super) struct Session {
    folder: Folder,
    shell: Child,
    keys: ChildStdin,
    lines: Receiver<String>,
    directory: PathBuf,
    background: Option<Background>,
}

struct Background {
    running: Running,
    /// Where it listens, in the order of [`PORTS`].
    addresses: [Option<String>; 3],
    /// How many of its lines have been seen in the book.
    seen: usize,
}

impl Session {
    pub(super) fn new() -> Self {
        let folder = Folder::new();
        let mut command = bash(folder.path());
        command.args(["--noprofile", "--norc"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().expect("start bash");
        let keys = shell.stdin.take().expect("its stdin");
        let stdout = shell.stdout.take().expect("its stdout");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                drop(sender.send(String::from_utf8_lossy(&line).into_owned()));
            }
        });
        let directory = folder.path().to_path_buf();
        Self { folder, shell, keys, lines, directory, background: None }
    }

    /// What a command prints, and its exit code, must be what the book says.
    pub(super) fn run(&mut self, place: &str, typed: &Typed) {
        let Typed { command, expected, fails } = typed;
        let typed = self.here(command);
        let end = format!("printf '\\n{END} %s %s\\n' \"$?\" \"$PWD\"");
        writeln!(self.keys, "{{ {typed}\n}} </dev/null 2>&1\n{end}").expect("type a command");
        let (printed, code) = self.printed(place, command);
        assert!(
            output::is(expected, &printed) && (code != "0") == *fails,
            "{place}: `{command}` ended with {code} and printed\n{printed}\nand the book says{}\n{}",
            if *fails { " that it fails, and prints" } else { "" },
            expected.join("\n")
        );
    }

    /// Until the end of a command.
    fn printed(&mut self, place: &str, command: &str) -> (String, String) {
        let until = Instant::now() + WAIT_LIMIT;
        let mut printed = String::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("{place}: `{command}` does not end; it has printed\n{printed}");
            };
            if let Some((code, directory)) =
                line.strip_prefix(END).and_then(|rest| rest.trim().split_once(' '))
            {
                self.directory = directory.into();
                let printed = printed.replace(&self.folder.path().display().to_string(), "~");
                return (self.as_in_the_book(&printed), code.to_owned());
            }
            printed.push_str(&line);
            printed.push('\n');
        }
    }

    fn as_in_the_book(&self, printed: &str) -> String {
        self.ports().fold(printed.to_owned(), |text, (book, here)| text.replace(here, book))
    }

    fn here(&self, typed: &str) -> String {
        self.ports().fold(typed.to_owned(), |text, (book, here)| text.replace(book, here))
    }

    /// Each port as it stands in the book and as it is here.
    fn ports(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let addresses = self.background.iter().flat_map(|background| &background.addresses);
        let both = PORTS.into_iter().zip(addresses);
        both.filter_map(|((book, _), here)| Some((book, here.as_deref()?)))
    }

    /// Starts what goes on running, in place of what did before, and waits for what the book says that it prints.
    pub(super) fn start(&mut self, place: &str, typed: &Typed) {
        self.end_background();
        let mut command = bash(&self.directory);
        let typed_here =
            ANY_PORT.iter().fold(typed.command.clone(), |text, (book, here)| text.replace(book, here));
        command.args(["-c", &format!("exec 2>&1; exec {typed_here}")]);
        let running = Running::start(command);
        self.background = Some(Background { running, addresses: Default::default(), seen: 0 });
        self.wait(place, &typed.expected);
    }

    /// Waits until what runs in the background has printed this, after what it had printed before.
    pub(super) fn wait(&mut self, place: &str, expected: &[String]) {
        let until = Instant::now() + WAIT_LIMIT;
        loop {
            let background =
                self.background.as_mut().unwrap_or_else(|| panic!("{place}: nothing is running"));
            let printed = background.running.raw_stdout();
            // A line that is not finished yet is none.
            let printed = &printed[..printed.rfind('\n').map_or(0, |end| end + 1)];
            let told = |(_, start)| {
                let told = printed.lines().find_map(|line| Some(line.split_once(start)?.1))?;
                Some(told.split('/').next()?.trim().to_owned())
            };
            background.addresses = PORTS.map(told);
            let seen = background.seen;
            let printed = self.as_in_the_book(printed);
            if let Some(next) = output::find(expected, &printed, seen) {
                self.background.as_mut().expect("it is there").seen = next;
                return;
            }
            assert!(
                Instant::now() < until,
                "{place}: it has printed\n{}\nand the book says\n{}",
                printed.lines().skip(seen).collect::<Vec<_>>().join("\n"),
                expected.join("\n")
            );
            self.background.as_ref().expect("it is there").running.wait_more();
        }
    }

    /// Saves a file in the folder where the reader is.
    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.directory.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
        std::fs::write(&path, self.here(text)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// It takes its bootstraps with it, which a kill would leave behind for a moment.
    fn end_background(&mut self) {
        if let Some(mut background) = self.background.take()
            && background.running.is_alive()
        {
            background.running.terminate();
            background.running.wait_exit(WAIT_LIMIT);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end_background();
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}

/// As the first chapter leaves a reader's machine: `bulkhead` is on the PATH, and its bootstraps are where it finds them.
fn bash(folder: &Path) -> Command {
    let mut command = Command::new("bash");
    let cli = artifacts::cli();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = vec![cli.parent().expect("its folder").to_path_buf()];
    places.extend(std::env::split_paths(&path));
    command
        .current_dir(folder)
        .env("PATH", std::env::join_paths(places).expect("a PATH"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", TARGET)
        // A server says at once where it listens.
        .env("PYTHONUNBUFFERED", "1")
        .env("BULKHEAD_BOOTSTRAP", artifacts::bootstrap());
    command
}
