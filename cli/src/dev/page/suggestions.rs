//! What "Send an event" suggests: the events in files of the project, and the tenants of its `bulkhead.toml` and of its
//! store.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bulkhead_host::policy::manifest::{Manifest, TenantSource};
use hyper::StatusCode;
use serde::Serialize;

use super::{Page, tenants};
use crate::dev::http::response;

/// The most files, the largest one, and the most tenants.
const MOST_FILES: usize = 50;
const LARGEST: u64 = 256 * 1024;
const MOST_TENANTS: usize = 1000;

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Suggestions {
    events: Vec<EventFile>,
    tenants: Vec<String>,
    /// The place in the event that names the tenant. `None` if the caller names it.
    tenant_source: Option<String>,
}

/// A file with an event.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct EventFile {
    /// The path in the project.
    name: String,
    text: String,
}

/// The suggestions as they are now.
pub(super) async fn serve(State(page): State<Arc<Page>>) -> Response {
    let suggestions = tokio::task::spawn_blocking(move || {
        let manifest = page.folders.manifest();
        let mut suggestions = suggestions(&page.folders.edited);
        suggestions.tenants.extend(tenants::ids_in_store(&page, &manifest));
        suggestions.tenants.sort();
        suggestions.tenants.dedup();
        suggestions
    });
    response::json(StatusCode::OK, &suggestions.await.unwrap_or_default())
}

fn suggestions(folder: &Path) -> Suggestions {
    // A file with mistakes is reported above everything else.
    let manifest = Manifest::read(folder).ok().flatten().unwrap_or_default();
    let mut tenants: Vec<String> = manifest.tenants.keys().map(|id| id.to_string()).collect();
    tenants.sort();
    tenants.truncate(MOST_TENANTS);
    let tenant_source = match &manifest.routing.tenant {
        TenantSource::Lambda => None,
        TenantSource::Pointer(pointer) => Some(pointer.to_string()),
        TenantSource::Header(name) => Some(format!("header {name}")),
    };
    Suggestions { events: events(folder), tenants, tenant_source }
}

/// The events in a folder and in the folders in it: `event.json` and the like, and all of a folder `events`.
fn events(folder: &Path) -> Vec<EventFile> {
    let inner = entries(folder).into_iter().filter(|path| path.is_dir() && !is_aside(path));
    let files = entries(folder).into_iter().chain(inner.flat_map(|inner| entries(&inner)));
    let mut files: Vec<PathBuf> = files.filter(|file| is_event(file)).collect();
    // The project's own before those in its folders, and the one that `bulkhead new` writes before all others.
    files.sort_by_key(|file| (file.components().count(), name(file) != "event.json", file.clone()));
    let read = |file: &PathBuf| {
        let is_small = std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.len() <= LARGEST);
        let text = is_small.then(|| std::fs::read_to_string(file).ok()).flatten()?;
        Some(EventFile { name: file.strip_prefix(folder).ok()?.to_str()?.to_owned(), text })
    };
    files.iter().filter_map(read).take(MOST_FILES).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

fn is_event(path: &Path) -> bool {
    let is_of_events = path.parent().is_some_and(|folder| name(folder) == "events");
    path.extension().is_some_and(|kind| kind == "json") && (is_of_events || name(path).starts_with("event"))
}

/// Whether a folder is not a part of the project's sources.
fn is_aside(folder: &Path) -> bool {
    let name = name(folder);
    name.starts_with('.') || ["node_modules", "target", "venv"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_tenants_of_the_project_are_suggested() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(suggestions(folder.path()), Suggestions::default());
        for (file, text) in [
            ("event.json", "{}"),
            ("event-large.json", "[1]"),
            ("package.json", "{}"),
            ("events/order.json", "{\"order\": 1}"),
            ("orders/event.json", "2"),
            ("target/event.json", "3"),
            (".git/event.json", "4"),
            ("orders/deep/event.json", "5"),
            (
                "bulkhead.toml",
                "routing.tenant = { pointer = \"/detail/tenant\" }\n[handlers.a]\n[tenants]\nb = {}\na = {}",
            ),
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::write(folder.path().join("event-huge.json"), "9".repeat(300_000)).unwrap();
        let Suggestions { events, tenants, tenant_source } = suggestions(folder.path());
        let events: Vec<_> = events.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
        let expected = [
            ("event.json", "{}"),
            ("event-large.json", "[1]"),
            ("orders/event.json", "2"),
            ("events/order.json", "{\"order\": 1}"),
        ];
        assert_eq!(events, expected);
        assert_eq!(
            (tenants, tenant_source.as_deref()),
            (vec!["a".to_owned(), "b".to_owned()], Some("/detail/tenant"))
        );
    }
}
