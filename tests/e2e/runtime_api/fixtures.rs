//! Real events: every JSON fixture of the `aws_lambda_events` crate goes through host, guest and host without loss.

use bulkhead_fixtures::Fixture;
use bulkhead_tests::{Event, Kind};
use serde_json::Value;

use crate::stage::Stage;

#[test]
fn every_fixture_comes_back_byte_for_byte() {
    let stage = Stage::of("echo");
    for Fixture { name, event } in bulkhead_fixtures::all() {
        let answer = stage.api.send(Event::bytes(event.clone()));
        assert!(answer.kind == Kind::Response && answer.body == *event, "{name}");
    }
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn every_fixture_comes_back_with_the_same_meaning() {
    let stage = Stage::of("json");
    for Fixture { name, event } in bulkhead_fixtures::all() {
        let Ok(expected) = serde_json::from_slice::<Value>(event) else {
            panic!("{name} is not valid JSON");
        };
        let answer = stage.api.send(Event::bytes(event.clone()));
        assert_eq!(answer.kind, Kind::Response, "{name}");
        assert_eq!(answer.json(), expected, "{name}");
    }
}
