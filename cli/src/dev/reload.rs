//! Builds and loads a new version when the sources have changed.
//!
//! May use: console, project, state.

use std::sync::Arc;

use crate::dev::console;
use crate::dev::project::Project;
use crate::dev::project::watch::SourceWatcher;
use crate::dev::state::AppState;

/// Keeps the running version up to date with its sources.
#[derive(Debug)]
pub(super) struct Reload {
    pub(super) project: Project,
    pub(super) state: Arc<AppState>,
}

impl Reload {
    /// Builds and loads, or reports why it cannot. Returns whether it could.
    pub(super) async fn once(&self) -> bool {
        self.state.status.set_building();
        match self.project.renew().await {
            Ok(names) => {
                if self.state.status.current().problem.is_some() {
                    console::say("the problem is solved");
                }
                if let Some(names) = &names {
                    self.state.functions.renew(names);
                }
                self.state.status.set_ready(names.is_some());
                if let Some(names) = names {
                    console::say(&format!("ready: {}", names.join(", ")));
                }
                true
            }
            Err(error) => {
                let problem = format!("{error:#}");
                let is_running = !self.state.functions.names().is_empty();
                let rest = if is_running { "; the previous version keeps running" } else { "" };
                console::say(&format!("cannot run the newest sources{rest}:\n{problem}"));
                self.state.status.set_failed(problem);
                false
            }
        }
    }

    /// Builds and loads after each save. It does not return.
    pub(super) async fn watch(&self, mut watcher: SourceWatcher) {
        loop {
            // The project may have new folders.
            if let Err(error) = watcher.look_at(&self.project).await {
                console::say(&format!("some changes may not be noticed: {error:#}"));
            }
            watcher.next_save().await;
            self.once().await;
        }
    }
}
