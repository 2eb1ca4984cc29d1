//! A handler that takes long to start: in a fresh sandbox for each event, in one that starts with the memory
//! that the init function left at compile time, and in one that is kept for the next event.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::contestant::Contestant;
use crate::scenario::Scenario;
use crate::server::Event;

/// The suffix of the component that was compiled with `--preinit`.
const PREINITIALISED: &str = "-preinit";
const REUSE: &str = "[handlers.scanner]\nreuse = { events = 1000000 }\n";
/// Longer than any event takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// The ways to run the handler; the others are compared with the first.
pub(crate) fn contestants(bulkhead: &Contestant) -> Result<[Contestant; 3]> {
    Ok([
        bulkhead.varied("fresh for each event", "", None)?,
        bulkhead.varied("fresh, --preinit", PREINITIALISED, None)?,
        bulkhead.varied("reuse", "", Some(REUSE))?,
    ])
}

/// `examples/scanner`, with a line that it finds.
pub(crate) fn scenario() -> Scenario {
    let body = br#""region = eu-central-1\nGITHUB_TOKEN=0123456789abcdef0123""#.to_vec();
    let answer = Some(br#"[{"line":2,"service":"github"}]"#.to_vec());
    Scenario {
        id: "warm".to_owned(),
        title: "scanner, 200 patterns".to_owned(),
        handler: "scanner",
        event: Arc::new(Event { body, answer, deadline: DEADLINE, tenant: None }),
        one_in: 10,
    }
}
