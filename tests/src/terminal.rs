//! A terminal with a program on it, and keys to press.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::pipe::pipe;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::bootstrap::Running;
use crate::runtime_api::WAIT_LIMIT;

/// A program whose stdin, stdout and stderr are a terminal. It is ended when it is dropped.
#[derive(Debug)]
pub struct Terminal {
    /// The process. What it shows is its stdout here.
    pub running: Running,
    keyboard: File,
}

impl Terminal {
    /// Starts a program on a terminal of its own.
    ///
    /// # Panics
    /// Where the system gives none.
    pub fn start(mut command: Command) -> Self {
        let (controller, terminal) = pseudoterminal().expect("a terminal");
        let end = || Stdio::from(terminal.try_clone().expect("the terminal again"));
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm");
        }
        // Where these tests run is not where the program is told that it runs.
        command.env_remove("NO_COLOR").env_remove("CI");
        command.stdin(end()).stdout(end()).stderr(end());
        let started = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let keyboard = controller.try_clone().expect("the other end again").into();
        let (nothing, _) = pipe().expect("a pipe");
        Self { running: Running::of(child, started, controller, nothing), keyboard }
    }

    /// Waits until each key is read by itself. Until then the terminal keeps a line to its end, and Ctrl-C to itself.
    ///
    /// # Panics
    /// After 30 s.
    pub fn wait_for_keys(&self) {
        let until = Instant::now() + WAIT_LIMIT;
        let keeps_lines = || {
            let settings = tcgetattr(&self.keyboard).expect("the terminal's settings");
            settings.local_modes.contains(LocalModes::ICANON)
        };
        while keeps_lines() {
            assert!(Instant::now() < until, "nobody asked for a key: {}", self.shown());
            self.running.wait_output(Duration::from_millis(10));
        }
    }

    /// Presses keys.
    ///
    /// # Panics
    /// Where nobody has the terminal any more.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("press keys");
    }

    /// All that was ever shown, with what moves the cursor.
    pub fn shown(&self) -> String {
        self.running.stdout()
    }
}

/// Both ends of a terminal that is as large as usual.
fn pseudoterminal() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&controller)?;
    unlockpt(&controller)?;
    let name = ptsname(&controller, Vec::new())?;
    let terminal = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    tcsetwinsize(&terminal, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 })?;
    Ok((controller, terminal))
}
