//! What changes, as it changes: server-sent events.
//!
//! Each message says which revision of the records it reaches. Whoever comes back with that gets what has changed since, and
//! nothing twice. Nothing is kept for a reader: one that reads slowly finds each row once, as it is by then.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use bulkhead_host::text::printable;
use futures_util::stream;
use hyper::header::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Page;
use crate::dev::records::MOST;
use crate::dev::status::Status;

/// Rows in one message.
const BATCH: usize = 500;

/// Between two messages: as often as somebody could see it.
const PACE: Duration = Duration::from_millis(50);

/// After how long a browser tries again that has lost its connection.
const RETRY: Duration = Duration::from_millis(500);

/// Where the stream begins: `after=ID` in the query, or what a browser says that had a connection.
pub(super) async fn serve(
    State(page): State<Arc<Page>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> impl IntoResponse {
    let query = query.unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("after="));
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(asked);
    let after = last.and_then(|id| revision(&page.process, id));
    let next = |mut reader: Reader| async move {
        let message = reader.next().await?;
        Some((Ok::<_, Infallible>(message), reader))
    };
    Sse::new(stream::unfold(Reader::of(page, after), next))
}

/// The revision in the id of a message, if the message was one of this process.
fn revision(process: &str, id: &str) -> Option<u64> {
    id.strip_prefix(process)?.strip_prefix('-')?.parse().ok()
}

/// What one reader of the stream has and has not yet.
struct Reader {
    page: Arc<Page>,
    status: watch::Receiver<Status>,
    revisions: watch::Receiver<u64>,
    /// The revision of the records that it has.
    reached: u64,
    /// It has nothing yet, and is told what it may keep.
    is_new: bool,
    /// It has not got the status as it is now.
    is_status_due: bool,
    /// It has all rows of the last revision, so the next ones can wait for others.
    pauses: bool,
}

impl Reader {
    fn of(page: Arc<Page>, after: Option<u64>) -> Self {
        let (status, revisions) =
            (page.state.status.subscribe(), page.state.functions.shared.records.revisions());
        let (reached, is_new) = (after.unwrap_or(0), after.is_none());
        Self { page, status, revisions, reached, is_new, is_status_due: true, pauses: false }
    }

    /// The next message, as soon as there is something to say. It is asked for when the reader has room for it.
    async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.is_new) {
            return Some(self.message("start", &json!({ "process": self.page.process, "kept": MOST })));
        }
        if std::mem::take(&mut self.pauses) {
            tokio::time::sleep(PACE).await;
        }
        loop {
            if std::mem::take(&mut self.is_status_due) || self.status.has_changed().ok()? {
                let names = self.page.state.functions.names();
                let status = self.status.borrow_and_update().json(&names);
                return Some(self.message("status", &status));
            }
            self.revisions.mark_unchanged();
            let (revision, rows) = self.page.state.functions.shared.records.changes(self.reached, BATCH);
            if !rows.is_empty() {
                self.reached = revision;
                self.pauses = rows.len() < BATCH;
                return Some(self.message("rows", &json!(rows)));
            }
            tokio::select! {
                changed = self.revisions.changed() => changed.ok()?,
                changed = self.status.changed() => {
                    changed.ok()?;
                    self.is_status_due = true;
                }
            }
        }
    }

    fn message(&self, event: &str, data: &Value) -> Event {
        let data = data.to_string();
        let id = format!("{}-{}", self.page.process, self.reached);
        Event::default().event(event).id(id).retry(RETRY).data(printable::json(&data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_another_process_are_none_of_ours() {
        assert_eq!(revision("ab", "ab-17"), Some(17));
        for id in ["", "ab", "ab-", "ab-x", "cd-17", "17", "ab17"] {
            assert_eq!(revision("ab", id), None, "{id}");
        }
    }
}
