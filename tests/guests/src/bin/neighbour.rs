//! Answers with the events that this instance has seen, its environment, and what lies in its `/tmp`, then leaves its mark.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

static SEEN: AtomicU32 = AtomicU32::new(0);

#[bulkhead::handler]
fn neighbour() -> (u32, usize, Vec<String>) {
    let names = fs::read_dir("/tmp").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned()).collect();
    // Where there is no /tmp, there is nothing to leave.
    let _ = fs::write("/tmp/alice", "was here");
    (SEEN.fetch_add(1, Ordering::Relaxed) + 1, std::env::vars().count(), names)
}

fn main() {}
