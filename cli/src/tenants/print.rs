//! Records, for people.

use bulkhead_host::store::record::shown;
use bulkhead_host::store::{Code, Record};

use crate::label::label;

/// `acme: version 3, handler, sha256:0123456789ab, x86_64, until 2027-11-30T09:00:00Z`
pub(super) fn line(record: &Record) -> String {
    let (tenant, version) = (label(&record.tenant), record.version);
    let until = shown(record.expires);
    match &record.handler {
        None => format!("{tenant}: version {version}, removed, until {until}"),
        Some(handler) => {
            let (kind, digest) = (label(handler.code.kind()), short(handler.code.digest().as_str()));
            let targets = match &handler.code {
                Code::Component(_) => format!(", for {}", targets(record).join(" and ")),
                // Its engine is in the package.
                Code::Script(_) => String::new(),
            };
            format!("{tenant}: version {version}, {kind}, {digest}{targets}, until {until}")
        }
    }
}

/// The processors that a record has native code for, each once.
pub(super) fn targets(record: &Record) -> Vec<String> {
    let native = record.handler.iter().flat_map(|handler| handler.native());
    let mut targets: Vec<String> = native.map(|native| label(&native.target)).collect();
    targets.sort();
    targets.dedup();
    targets
}

/// Enough of a digest to tell it from others.
pub(super) fn short(digest: &str) -> &str {
    const SHORT: usize = "sha256:".len() + 12;
    &digest[..digest.floor_char_boundary(SHORT)]
}
