//! The status of the sources: whether a build is running, what is wrong, and which version is loaded.
//!
//! May use: nothing.

use serde_json::{Value, json};
use tokio::sync::watch;

/// The status at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// What is wrong with the newest sources, while the last good version keeps running.
    pub(super) problem: Option<String>,
    pub(super) is_building: bool,
    /// The number of versions loaded so far.
    pub(super) version: u64,
}

/// The current status, and a subscription to its changes.
#[derive(Debug, Default)]
pub(super) struct StatusFeed(watch::Sender<Status>);

impl StatusFeed {
    pub(super) fn current(&self) -> Status {
        self.0.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Status> {
        self.0.subscribe()
    }

    /// Waits until the first build has ended, well or not.
    pub(super) async fn first_build(&self) {
        // It cannot fail: this is the sender.
        let _ = self.subscribe().wait_for(|status| status.version > 0 || status.problem.is_some()).await;
    }

    pub(super) fn set_building(&self) {
        self.0.send_modify(|status| status.is_building = true);
    }

    /// The build has ended well, with or without a new version.
    pub(super) fn set_ready(&self, is_new: bool) {
        self.0.send_modify(|status| {
            *status =
                Status { problem: None, is_building: false, version: status.version + u64::from(is_new) };
        });
    }

    pub(super) fn set_failed(&self, problem: String) {
        self.0.send_modify(|status| {
            status.is_building = false;
            status.problem = Some(problem);
        });
    }
}

impl Status {
    /// The status as JSON, with the names of the functions.
    pub(super) fn json(&self, functions: &[String]) -> Value {
        json!({
            "functions": functions,
            "problem": self.problem,
            "isBuilding": self.is_building,
            "version": self.version,
        })
    }
}
