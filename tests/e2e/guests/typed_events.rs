//! The types of `aws_lambda_events` in a guest: the SDK reads every fixture of the crate as serde_json reads it natively.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::event;
use bulkhead_tests::{Answer, Event, Kind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::stage::{Stage, assert_error};

#[path = "../../guests/src/event_types.rs"]
mod event_types;

/// Fixtures that no type reads, and why.
const WITHOUT_A_TYPE: [(&str, &str); 2] = [
    ("appsync-batchinvoke", "AppSync sends what the author's template makes; the crate has no type for it"),
    ("appsync-invoke", "the same for one event"),
];

/// The type that writes gzip, which each library packs in its own way. It is unpacked, and packed natively, to be compared.
const PACKED: &str = "cloudwatch_logs::LogsEvent";

struct Native;

impl event_types::Reader for Native {
    type Error = String;

    fn read<T: DeserializeOwned>(event: Vec<u8>) -> Result<T, String> {
        serde_json::from_slice(&event).map_err(|error| error.to_string())
    }
}

/// The fixtures by the names that the table has for them.
fn named() -> BTreeMap<&'static str, &'static [u8]> {
    bulkhead_fixtures::all().iter().map(|fixture| (&*fixture.name, &*fixture.event)).collect()
}

fn natively(name: &str, event: &[u8]) -> Result<Value, String> {
    event_types::reread_as::<Native>(name, event.to_vec())
        .map(|text| serde_json::from_slice(&text).expect("what was written is JSON"))
}

fn in_a_guest(stage: &Stage, name: &str, event: &[u8]) -> Answer {
    stage.api.send(Event::bytes([name.as_bytes(), b"\n", event].concat()))
}

#[test]
fn every_fixture_has_its_type_or_a_reason() {
    let typed = event_types::TYPES.iter().flat_map(|(_, fixtures)| fixtures.iter().copied());
    let known: Vec<&str> = typed.chain(WITHOUT_A_TYPE.map(|(fixture, _)| fixture)).collect();
    let fixtures = named();
    assert_eq!(known.iter().copied().collect::<BTreeSet<_>>(), fixtures.keys().copied().collect());
    assert_eq!(known.len(), fixtures.len(), "each of them once");
}

#[test]
fn a_guest_reads_every_fixture_as_its_type_and_loses_nothing() {
    let (stage, events) = (Stage::of("typed_events"), named());
    for (name, fixtures) in event_types::TYPES {
        for fixture in *fixtures {
            let event = events[*fixture];
            let expected = natively(name, event).unwrap_or_else(|error| panic!("{fixture}, {name}: {error}"));
            let answer = in_a_guest(&stage, name, event);
            assert_eq!(answer.kind, Kind::Response, "{fixture}, {name}: {}", answer.text());
            let told = match *name {
                PACKED => natively(name, &answer.body).expect("what it packs can be unpacked"),
                _ => answer.json(),
            };
            assert_eq!(told, expected, "{fixture}, {name}");
        }
    }
}

#[test]
fn a_guest_refuses_what_is_refused_natively() {
    let (stage, events) = (Stage::of("typed_events"), named());
    let mut refused = 0;
    let others = event_types::TYPES.iter().cycle().skip(1);
    let others = others.filter(|(_, fixtures)| !fixtures.is_empty());
    for ((name, _), (_, fixtures)) in event_types::TYPES.iter().zip(others) {
        let event = events[fixtures[0]];
        let answer = in_a_guest(&stage, name, event);
        match natively(name, event) {
            Ok(expected) => assert_eq!(answer.json(), expected, "{}, {name}", fixtures[0]),
            Err(_) => {
                assert_error(&answer, "Function.EventUnmarshalError");
                refused += 1;
            }
        }
    }
    // What is read by every type proves nothing.
    assert!(refused > 20, "only {refused} types refuse an event of another");
}
