//! What there is to say of the sources and of what runs, for whoever asks or waits for it.

use serde_json::{Value, json};
use tokio::sync::watch;

/// How things stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// What is wrong with the newest sources, while the last good ones go on.
    pub(super) problem: Option<String>,
    pub(super) is_building: bool,
    /// Counts what was loaded.
    pub(super) version: u64,
}

/// Where that is told.
#[derive(Debug, Default)]
pub(super) struct Board(watch::Sender<Status>);

impl Board {
    pub(super) fn told(&self) -> Status {
        self.0.borrow().clone()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Status> {
        self.0.subscribe()
    }

    /// Waits until there is something that runs, or something that keeps it from that.
    pub(super) async fn first(&self) {
        // The other end is ours.
        let _ = self.watch().wait_for(|status| status.version > 0 || status.problem.is_some()).await;
    }

    pub(super) fn begin(&self) {
        self.0.send_modify(|status| status.is_building = true);
    }

    /// All is well, and perhaps there is something new.
    pub(super) fn end(&self, is_new: bool) {
        self.0.send_modify(|status| {
            *status =
                Status { problem: None, is_building: false, version: status.version + u64::from(is_new) };
        });
    }

    pub(super) fn fail(&self, problem: String) {
        self.0.send_modify(|status| {
            status.is_building = false;
            status.problem = Some(problem);
        });
    }
}

impl Status {
    /// With the functions that there are.
    pub(super) fn json(&self, functions: &[String]) -> Value {
        json!({
            "functions": functions,
            "problem": self.problem,
            "isBuilding": self.is_building,
            "version": self.version,
        })
    }
}
