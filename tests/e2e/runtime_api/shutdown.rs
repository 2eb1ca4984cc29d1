//! The end: SIGTERM at every moment, and the extension without which Lambda would not send it.

use std::time::{Duration, Instant};

use bulkhead_tests::{Event, Kind, RuntimeApi, SeenRequest, TaskRoot};

use crate::stage::{Stage, assert_error};

fn registering() -> Stage {
    Stage::with("endless_loop", |bootstrap| bootstrap.env("BULKHEAD_SIGTERM", "1"))
}

#[test]
fn c11_14_sigterm_while_idle() {
    let mut stage = Stage::of("echo");
    stage.answers("1", "1");
    stage.api.wait_idle();
    stage.running.terminate();
    assert_eq!(stage.running.exit_code(), 0);
}

#[test]
fn c11_14_sigterm_before_the_first_event() {
    let mut stage = Stage::of("echo");
    stage.running.terminate();
    assert_eq!(stage.running.exit_code(), 0);
}

#[test]
fn c11_14_sigterm_while_an_event_is_in_flight() {
    let mut stage = Stage::of("sleep");
    let queued = stage.api.queue(Event::json("150"));
    stage.running.wait_log("asleep");
    stage.running.terminate();
    assert_eq!(stage.running.exit_code(), 0);
    // What can be done in time is done.
    let answer = stage.api.answer(queued);
    assert_eq!((answer.kind, answer.text()), (Kind::Response, "150"));
}

#[test]
fn c11_14_sigterm_while_a_guest_spins() {
    let mut stage = Stage::of("endless_loop");
    let queued = stage.api.queue(Event::json("1"));
    stage.running.wait_log("looping");
    let sent = Instant::now();
    stage.running.terminate();
    assert_eq!(stage.running.exit_code(), 0);
    // The guest has a limit of 5 s, which nobody waits for now.
    assert!(sent.elapsed() < Duration::from_secs(3), "{:?}", sent.elapsed());
    assert_error(&stage.api.answer(queued), "Function.Timeout");
}

#[test]
fn c11_14_sigterm_while_a_guest_spins_that_cannot_leave_its_thread() {
    // A managed instance for one event at a time has no threads for long events.
    let mut stage = Stage::managed(1, TaskRoot::new().with("endless_loop"), "endless_loop");
    let queued = stage.api.queue(Event::json("1"));
    stage.running.wait_log("looping");
    let sent = Instant::now();
    stage.running.terminate();
    assert_eq!(stage.running.exit_code(), 0);
    assert!(sent.elapsed() < Duration::from_secs(3), "{:?}", sent.elapsed());
    assert_error(&stage.api.answer(queued), "Function.Timeout");
}

#[test]
fn c11_14_sigterm_with_an_event_on_its_way_costs_no_event() {
    // Handled, or left for the next environment; but never taken and not answered.
    for _ in 0..10 {
        let mut stage = Stage::of("sleep");
        let queued = stage.api.queue(Event::json("1"));
        stage.running.terminate();
        assert_eq!(stage.running.exit_code(), 0);
        let begun = stage.running.logs().contains("asleep");
        assert_eq!(stage.api.posts().len(), usize::from(begun), "{:?}", stage.api.deliveries(queued));
    }
}

#[test]
fn c11_13_the_extension_is_registered_before_the_first_next() {
    let mut stage = registering();
    stage.still_answers();
    stage.api.wait_seen("/extension/event/next");
    let seen = stage.api.seen();
    let register = &seen[0];
    assert_eq!(
        (register.method.as_str(), register.path.as_str()),
        ("POST", "/2020-01-01/extension/register")
    );
    assert!(register.header("Lambda-Extension-Name").is_some_and(|name| !name.is_empty()));
    assert_eq!(register.body, br#"{"events":[]}"#);
    let next = seen
        .iter()
        .find(|seen| seen.path == "/2020-01-01/extension/event/next")
        .expect("asks for its events");
    assert_eq!(next.header("Lambda-Extension-Identifier"), Some(b"4f1d7e2a-extension".as_slice()));
    stage.api.wait_idle();
    stage.running.terminate();
    assert_eq!(stage.running.exit_code(), 0);
}

#[test]
fn c11_13_no_extension_unless_asked_for() {
    let mut stage = Stage::of("endless_loop");
    stage.still_answers();
    assert!(!stage.api.seen().iter().any(|seen| seen.path.contains("extension")));
}

#[test]
fn c11_13_the_extension_knows_prefixes() {
    let api = RuntimeApi::start();
    let address = format!("http://{}/.rt/fn", api.address());
    let mut stage = Stage::starting("echo", api, |bootstrap| {
        bootstrap.env("BULKHEAD_SIGTERM", "1").env("AWS_LAMBDA_RUNTIME_API", address)
    });
    stage.answers("1", "1");
    assert!(
        stage.api.seen().iter().all(|seen: &SeenRequest| seen.path.starts_with("/.rt/fn/20")),
        "{:?}",
        stage.api.seen()
    );
}
