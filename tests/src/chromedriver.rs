//! Chromium behind its WebDriver: what a test looks at a page with.

use std::path::PathBuf;
use std::process::Command;

use crate::Running;
use crate::artifacts::{self, skipped};

/// What it prints before its port.
const LISTENS: &str = "ChromeDriver was started successfully on port ";

/// A running driver. It is killed when it is dropped; whoever has a browser of it closes that first.
#[derive(Debug)]
pub struct Chromedriver {
    /// The browser that it drives.
    pub chromium: PathBuf,
    port: u16,
    _running: Running,
}

impl Chromedriver {
    /// Starts it on a port that the system chooses; `None`, and a loud word, where there is no such browser.
    ///
    /// # Panics
    /// Where it does not start, or is missing in CI.
    pub fn start(wanted_by: &str) -> Option<Self> {
        let Some((chromium, driver)) = artifacts::chromium() else {
            skipped(&format!(
                "chromium and chromedriver are not installed, so {wanted_by} was looked at by no browser"
            ));
            return None;
        };
        let mut command = Command::new(driver);
        command.arg("--port=0");
        let running = Running::start(command);
        running.wait_log(LISTENS);
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
