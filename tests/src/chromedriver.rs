//! Chromium behind its WebDriver: what a test looks at a page with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::Running;
use crate::artifacts::{self, skipped};
use crate::runtime_api::WAIT_LIMIT;

/// What it prints before its port.
const LISTENS: &str = "ChromeDriver was started successfully on port ";

/// It chooses a port of IPv6 and then wants the same of IPv4, which another test may have by now. Then it ends.
const ATTEMPTS: usize = 20;

/// A running driver. It is killed when it is dropped; whoever has a browser of it closes that first.
#[derive(Debug)]
pub struct Chromedriver {
    /// The browser that it drives.
    pub chromium: PathBuf,
    port: u16,
    _running: Running,
}

impl Chromedriver {
    /// Starts it on a port that the system chooses; `None`, with a warning, if they are not installed.
    ///
    /// # Panics
    /// Where it does not start, or is missing in CI.
    pub fn start(wanted_by: &str) -> Option<Self> {
        let Some((chromium, driver)) = artifacts::chromium() else {
            skipped(&format!(
                "chromium and chromedriver are not installed, so {wanted_by} was not tested in a browser"
            ));
            return None;
        };
        let running =
            (0..ATTEMPTS).find_map(|_| listening(&driver)).expect("a port that chromedriver can have");
        let log = running.logs();
        let line = log.lines().find_map(|line| line.strip_prefix(LISTENS)).expect("its port");
        let port =
            line.trim_end_matches('.').parse().unwrap_or_else(|error| panic!("no port ({error}):\n{log}"));
        Some(Self { chromium, port, _running: running })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A driver that listens; `None` if it has ended.
fn listening(driver: &Path) -> Option<Running> {
    let mut command = Command::new(driver);
    command.arg("--port=0");
    let mut running = Running::start(command);
    let until = Instant::now() + WAIT_LIMIT;
    while !running.logs().contains(LISTENS) {
        if !running.is_alive() {
            return None;
        }
        assert!(Instant::now() < until, "chromedriver does not listen:\n{}", running.logs());
        running.wait_more();
    }
    Some(running)
}
