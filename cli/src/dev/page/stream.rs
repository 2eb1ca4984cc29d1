//! What changes, as it changes: server-sent events.
//!
//! Each message says which revision of the records it reaches. Whoever comes back with that gets what has changed since, and
//! nothing twice. Nothing is kept for a reader: one that reads slowly finds each row once, as it is by then.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bulkhead_host::text::printable;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::watch;

use crate::dev::api::Api;
use crate::dev::functions::Functions;
use crate::dev::http::response::Body;
use crate::dev::records::MOST;
use crate::dev::status::Status;

/// Rows in one message.
const BATCH: usize = 500;

/// Between two messages: as often as somebody could see it.
const PACE: Duration = Duration::from_millis(50);

/// Where the stream begins: `after=ID` in the query, or what a browser says that had a connection.
pub(super) fn serve(server: &Api, query: &str, headers: &HeaderMap) -> Response<Body> {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("after="));
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(asked);
    let after = last.and_then(|id| revision(&server.access.process, id));
    let (sender, pieces) = channel(1);
    let stream = Stream {
        functions: Arc::clone(&server.functions),
        status: server.status.subscribe(),
        process: server.access.process.clone(),
        sender,
    };
    tokio::spawn(stream.run(after));
    let mut response = Response::new(Body::Pieces(pieces));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

/// The revision in the id of a message, if the message was one of this process.
fn revision(process: &str, id: &str) -> Option<u64> {
    id.strip_prefix(process)?.strip_prefix('-')?.parse().ok()
}

/// For one reader.
struct Stream {
    functions: Arc<Functions>,
    status: watch::Receiver<Status>,
    process: String,
    sender: Sender<Bytes>,
}

/// The reader is gone.
struct Gone;

impl Stream {
    async fn run(mut self, after: Option<u64>) {
        // There is no other end.
        let Err(Gone) = self.tell(after).await;
    }

    async fn tell(&mut self, after: Option<u64>) -> Result<Infallible, Gone> {
        let functions = Arc::clone(&self.functions);
        let mut revisions = functions.shared.records.revisions();
        let mut reached = after.unwrap_or(0);
        if after.is_none() {
            self.send("start", reached, &json!({ "process": self.process, "kept": MOST })).await?;
        }
        let mut is_news = true;
        loop {
            if is_news {
                let status = self.status.borrow_and_update().json(&functions.names());
                self.send("status", reached, &status).await?;
            }
            revisions.mark_unchanged();
            let (revision, rows) = functions.shared.records.changes(reached, BATCH);
            if rows.is_empty() {
                is_news = self.wait(&mut revisions).await?;
                continue;
            }
            reached = revision;
            self.send("rows", reached, &json!(rows)).await?;
            if rows.len() < BATCH {
                tokio::time::sleep(PACE).await;
            }
            is_news = self.status.has_changed().unwrap_or_default();
        }
    }

    /// Waits for something new. Whether it is the status.
    async fn wait(&mut self, revisions: &mut watch::Receiver<u64>) -> Result<bool, Gone> {
        tokio::select! {
            changed = revisions.changed() => changed.map(|()| false).map_err(|_| Gone),
            changed = self.status.changed() => changed.map(|()| true).map_err(|_| Gone),
            () = self.sender.closed() => Err(Gone),
        }
    }

    /// Waits until the reader has room for it.
    async fn send(&self, event: &str, reached: u64, data: &Value) -> Result<(), Gone> {
        // JSON is one line.
        let data = data.to_string();
        let data = printable::json(&data);
        let message = format!("event: {event}\nid: {}-{reached}\nretry: 500\ndata: {data}\n\n", self.process);
        self.sender.send(message.into()).await.map_err(|_| Gone)
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
