//! Freezing: Lambda stops the whole environment between events, for minutes, and thaws it for the next one (C11.8).

use std::time::Duration;

use bulkhead_tests::{Delivery, Event};

use crate::stage::Stage;

#[test]
fn r1_6_an_event_that_comes_while_frozen_is_answered_after_the_thaw() {
    let mut stage = Stage::of("echo");
    for count in 0..3 {
        stage.answers("1", "1");
        stage.api.wait_idle();
        stage.running.freeze();
        let queued = stage.api.queue(Event::json(count.to_string()));
        stage.api.wait_delivered(queued);
        stage.running.thaw();
        assert_eq!(stage.api.answer(queued).text(), count.to_string());
    }
    assert_eq!(stage.api.connections(), 1, "the pending /next survives");
}

#[test]
fn r1_8_a_connection_that_died_in_the_freeze_is_replaced() {
    let mut stage = Stage::of("echo");
    stage.answers("1", "1");
    stage.api.wait_idle();
    stage.running.freeze();
    stage.api.queue_hang_up();
    let queued = stage.api.queue(Event::json("2"));
    stage.running.thaw();
    assert_eq!(stage.api.answer(queued).text(), "2");
    stage.answers("3", "3");
}

#[test]
fn a_freeze_right_after_an_answer_costs_nothing() {
    // The answer is out, `/next` may not be: Lambda would freeze only after it, an emulator may not care.
    let mut stage = Stage::of("state");
    for _ in 0..5 {
        stage.answers("null", "1");
        stage.running.freeze();
        let queued = stage.api.queue(Event::json("null").delivery(Delivery::Whole));
        stage.running.thaw();
        assert_eq!(stage.api.answer(queued).text(), "1");
    }
}

#[test]
fn a_deadline_is_measured_after_the_thaw() {
    let mut stage = Stage::of("sleep");
    stage.api.wait_idle();
    stage.running.freeze();
    let queued = stage.api.queue(Event::json("100").deadline_in(Duration::from_secs(20)));
    stage.api.wait_delivered(queued);
    stage.running.thaw();
    assert_eq!(stage.api.answer(queued).text(), "100");
    stage.answers("1", "1");
}
