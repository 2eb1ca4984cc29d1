//! From a save to the new version: who saved what, and what is done then.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::console;
use super::functions::Functions;
use super::project::{Problem, Project};

/// An editor or a linker writes several files; nothing is done before they are quiet for so long.
const QUIET: Duration = Duration::from_millis(50);

/// Makes what runs what the sources say.
#[derive(Debug)]
pub(super) struct Reload {
    pub(super) project: Project,
    pub(super) functions: Arc<Functions>,
    pub(super) problem: Arc<Problem>,
}

/// Looks at folders, and says when something in them was saved.
#[derive(Debug)]
pub(super) struct Saves {
    watcher: RecommendedWatcher,
    watched: BTreeSet<(PathBuf, bool)>,
    saved: UnboundedReceiver<()>,
}

impl Reload {
    /// Builds and loads, or tells what keeps it from that. Whether it went well.
    pub(super) async fn once(&self) -> bool {
        match self.project.renew().await {
            Ok(names) => {
                if self.problem.told().is_some() {
                    console::say("it is all right again");
                }
                self.problem.set(None);
                if let Some(names) = names {
                    self.functions.renew(&names);
                    console::say(&format!("ready: {}", names.join(", ")));
                }
                true
            }
            Err(error) => {
                let problem = format!("{error:#}");
                let is_running = !self.functions.names().is_empty();
                let rest = if is_running { "; what was there before goes on" } else { "" };
                console::say(&format!("this cannot be run{rest}:\n{problem}"));
                self.problem.set(Some(problem));
                false
            }
        }
    }

    /// The same after each save, for ever.
    pub(super) async fn watch(&self, mut saves: Saves) {
        loop {
            // New folders of the project, too.
            if let Err(error) = saves.look_at(&self.project).await {
                console::say(&format!("changes may go unseen: {error:#}"));
            }
            saves.next().await;
            self.once().await;
        }
    }
}

impl Saves {
    pub(super) async fn of(project: &Project) -> anyhow::Result<Self> {
        let (told, saved) = unbounded_channel();
        let tell = move |event: notify::Result<Event>| {
            // What was missed may have been a save.
            if event.is_ok_and(|event| is_save(&event)) {
                // Whoever does not listen any more has ended.
                let _ = told.send(());
            }
        };
        let watcher =
            notify::recommended_watcher(tell).context("changes cannot be watched; say --no-watch")?;
        let mut saves = Self { watcher, watched: BTreeSet::new(), saved };
        saves.look_at(project).await?;
        Ok(saves)
    }

    async fn look_at(&mut self, project: &Project) -> anyhow::Result<()> {
        for (folder, below) in project.watched().await? {
            let mode = if below { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            if self.watched.insert((folder.clone(), below)) {
                let watched = self.watcher.watch(&folder, mode);
                watched.with_context(|| format!("{} cannot be watched", folder.display()))?;
            }
        }
        Ok(())
    }

    /// Waits for a save, and until all is quiet after it.
    async fn next(&mut self) {
        if self.saved.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        while let Ok(Some(())) = tokio::time::timeout(QUIET, self.saved.recv()).await {}
    }
}

/// Reading is no save, and what editors leave aside is no source.
fn is_save(event: &Event) -> bool {
    !event.kind.is_access() && (event.paths.is_empty() || event.paths.iter().any(|path| is_source(path)))
}

fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !name.starts_with('.') && !name.ends_with('~') && name != "Cargo.lock" && name != "target"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_leave_aside_is_no_source() {
        assert!(is_source(Path::new("/a/src/main.rs")) && is_source(Path::new("/a/bulkhead.toml")));
        for aside in ["/a/.main.rs.swp", "/a/main.rs~", "/a/Cargo.lock", "/a/target", "/a/.git"] {
            assert!(!is_source(Path::new(aside)), "{aside}");
        }
    }
}
