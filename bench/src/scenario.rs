//! The work of the contestants: handlers, and events of several sizes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bulkhead_bench_handlers::{Orders, Request, hello, summarize};

use crate::server::Event;

/// Longer than any event takes.
const DEADLINE: Duration = Duration::from_secs(60);
/// An order above this amount is large. About one in ten is.
const MINIMUM: usize = 450_000;

/// One handler with one event.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// The name in JSON and in the targets.
    pub(crate) id: String,
    /// The title for people.
    pub(crate) title: String,
    /// `_HANDLER`.
    pub(crate) handler: &'static str,
    /// The event, with its expected answer.
    pub(crate) event: Arc<Event>,
    /// The number of events of the smallest size for each event of this size.
    pub(crate) one_in: usize,
}

/// The sizes of events: bytes, name, and how many times fewer of them are sent.
const SIZES: [(usize, &str, usize); 4] =
    [(100, "100 B", 2), (10_000, "10 KB", 4), (1_000_000, "1 MB", 20), (6_000_000, "6 MB", 60)];

/// `hello` with 100 bytes, the scenario of most other measurements.
pub(crate) fn greeting() -> Result<Scenario> {
    Ok(Scenario {
        id: "hello-100b".to_owned(),
        title: "hello, 100 B of JSON".to_owned(),
        handler: "hello",
        event: Arc::new(greeting_event()?),
        one_in: 1,
    })
}

/// The event of `hello`.
pub(crate) fn greeting_event() -> Result<Event> {
    let frame = r#"{"name":""}"#.len();
    let name = "a".repeat(100 - frame);
    let body = format!(r#"{{"name":"{name}"}}"#).into_bytes();
    let request: Request = serde_json::from_slice(&body)?;
    let answer = serde_json::to_vec(&hello(&request))?;
    Ok(Event { body, answer: Some(answer), deadline: DEADLINE, tenant: None })
}

/// The answer is the bytes of the event.
pub(crate) fn echoes() -> Vec<Scenario> {
    let of_size = |(bytes, name, one_in)| {
        let body = list(bytes);
        let event = Event { answer: Some(body.clone()), body, deadline: DEADLINE, tenant: None };
        scenario("echo", name, event, one_in)
    };
    SIZES.into_iter().map(of_size).collect()
}

/// A list that is read, summed up, filtered and written.
pub(crate) fn orders() -> Result<Vec<Scenario>> {
    let of_size = |(bytes, name, one_in): (usize, &str, usize)| {
        let body = list(bytes);
        let orders: Orders = serde_json::from_slice(&body).context("reading our own event")?;
        let answer = serde_json::to_vec(&summarize(orders))?;
        Ok(scenario(
            "orders",
            name,
            Event { body, answer: Some(answer), deadline: DEADLINE, tenant: None },
            one_in,
        ))
    };
    SIZES[1..].iter().copied().map(of_size).collect()
}

fn scenario(handler: &'static str, size: &str, event: Event, one_in: usize) -> Scenario {
    Scenario {
        id: format!("{handler}-{}", size.replace(' ', "").to_lowercase()),
        title: format!("{handler}, {size}"),
        handler,
        event: Arc::new(event),
        one_in,
    }
}

/// A JSON text of an exact length: as many orders as fit, and a note that fills the rest.
fn list(bytes: usize) -> Vec<u8> {
    let mut text = format!(r#"{{"minimum":{MINIMUM},"orders":["#);
    let end = r#"],"note":""}"#;
    for id in 1.. {
        let order = format!(
            r#"{{"id":{id},"customer":"customer {:05}","article":"an article, \"as it is\" {:04}","pieces":{},"cents":{}}}"#,
            id * 7919 % 99_991,
            id * 31 % 9973,
            1 + id % 10,
            100 + id * 7907 % 50_000,
        );
        if text.len() + 1 + order.len() + end.len() > bytes {
            break;
        }
        // Writing into a string does not fail.
        let _ = write!(text, "{}{order}", if id == 1 { "" } else { "," });
    }
    let note = "n".repeat(bytes.saturating_sub(text.len() + end.len()));
    let _ = write!(text, r#"],"note":"{note}"}}"#);
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn events_have_the_size_that_they_are_said_to_have() {
        assert_eq!(greeting().unwrap().event.body.len(), 100);
        let bytes: Vec<usize> = echoes().iter().map(|scenario| scenario.event.body.len()).collect();
        assert_eq!(bytes, [100, 10_000, 1_000_000, 6_000_000]);
    }

    #[test]
    fn a_list_is_json_and_some_of_it_is_large() {
        let list: Value = serde_json::from_slice(&list(10_000)).unwrap();
        assert!(list["orders"].as_array().unwrap().len() > 50);
        let scenario = &orders().unwrap()[0];
        let answer: Value = serde_json::from_slice(scenario.event.answer.as_ref().unwrap()).unwrap();
        let large = answer["large"].as_array().unwrap().len();
        assert!(large > 0 && large < list["orders"].as_array().unwrap().len() / 2, "{large}");
    }

    #[test]
    fn scenarios_have_names_of_their_own() {
        let ids: Vec<String> = echoes().into_iter().map(|scenario| scenario.id).collect();
        assert_eq!(ids, ["echo-100b", "echo-10kb", "echo-1mb", "echo-6mb"]);
    }
}
