//! The stream of changes, as server-sent events.
//!
//! The id of each message is the revision of the records that the reader has reached. A reader that comes
//! back with this id gets the later changes, and none twice. Nothing is kept for a reader: a slow one gets
//! each row once, as it is at that time.

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

/// The most rows in one message.
const BATCH: usize = 500;

/// The pause between two messages. More would not be visible.
const PACE: Duration = Duration::from_millis(50);

/// The time after which a browser reconnects.
const RETRY: Duration = Duration::from_millis(500);

/// The stream from an id on: the last id that a browser has received, or `after=ID` in the query.
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

/// The revision in the id of a message, if this process sent the message.
fn revision(process: &str, id: &str) -> Option<u64> {
    id.strip_prefix(process)?.strip_prefix('-')?.parse().ok()
}

/// The state of one reader of the stream.
struct Reader {
    page: Arc<Page>,
    status: watch::Receiver<Status>,
    revisions: watch::Receiver<u64>,
    /// The revision of the records that it has reached.
    reached: u64,
    /// It has no id, so it gets a first message with the id of this process.
    is_new: bool,
    /// It does not have the current status.
    is_status_due: bool,
    /// It has reached the last revision, so the next message waits for further changes.
    pauses: bool,
}

impl Reader {
    fn of(page: Arc<Page>, after: Option<u64>) -> Self {
        let (status, revisions) =
            (page.state.status.subscribe(), page.state.functions.shared.records.revisions());
        let (reached, is_new) = (after.unwrap_or(0), after.is_none());
        Self { page, status, revisions, reached, is_new, is_status_due: true, pauses: false }
    }

    /// Waits for the next message. It is called when the reader has room for one.
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
