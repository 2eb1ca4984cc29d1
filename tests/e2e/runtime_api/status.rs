//! Statuses, row by row: R2.6 for `/next`, R3.2 and M13.4 for the answers.

use bulkhead_tests::{Event, Reply};

use crate::stage::Stage;

const GOOD: &str = r#""ping""#;
const BAD: &str = r#"{"type":"Odd","message":"odd"}"#;

/// Both kinds of answer get this reply; the process logs it and answers the next event.
fn goes_on(reply: &Reply) {
    for event in [GOOD, BAD] {
        let mut stage = Stage::of("fail");
        stage.api.send(Event::json(event).request_id("the-id").reply(reply.clone()));
        stage.still_answers();
        assert_eq!(stage.api.posts().len(), 2, "nothing is posted twice: {:?}", stage.api.posts());
        let log = stage.running.stdout();
        assert!(
            log.lines().any(|line| line.contains("the-id") && line.contains("\tWARN\t")),
            "{event}: {log}"
        );
    }
}

/// Both kinds of answer get this reply; the process says so and ends, so that it is replaced.
fn ends(reply: &Reply) {
    for event in [GOOD, BAD] {
        let mut stage = Stage::of("fail");
        stage.api.send(Event::json(event).reply(reply.clone()));
        assert_eq!(stage.running.exit_code(), 1, "{event}");
        assert!(stage.running.logs().contains("FATAL"), "{}", stage.running.logs());
        assert_eq!(stage.api.posts().len(), 1, "{event}");
    }
}

#[test]
fn r3_2_400_invalid_request_id() {
    goes_on(&Reply::status(400));
}

#[test]
fn r3_2_400_invalid_response_mode_is_a_state_without_a_way_out() {
    ends(&Reply::status(400).error_type("InvalidFunctionResponseMode"));
}

#[test]
fn r3_2_400_truncated_request_is_a_state_without_a_way_out() {
    ends(&Reply::status(400).error_type("TruncatedHTTPRequest"));
}

#[test]
fn r3_2_403_invalid_state_transition() {
    goes_on(&Reply::status(403));
}

#[test]
fn r3_2_410_a_late_answer_is_dropped() {
    goes_on(&Reply::status(410));
}

#[test]
fn r3_2_413_no_error_after_a_response() {
    let mut stage = Stage::of("fail");
    stage.api.send(Event::json(GOOD).reply(Reply::status(413)));
    stage.still_answers();
    let posts = stage.api.posts();
    assert!(posts.iter().all(|post| post.path.ends_with("/response")), "{posts:?}");
}

#[test]
fn r3_2_500_container_error() {
    ends(&Reply::status(500));
    ends(&Reply::status(503));
}

#[test]
fn r4_6_431_comes_back_but_not_for_ever() {
    // The connection is closed, and the event is handed out again (M13.4).
    let mut stage = Stage::of("fail");
    let queued = stage.api.queue(Event::json(BAD).reply(Reply::status(431).leaves_open().closes()));
    stage.api.answer(queued);
    assert_eq!(stage.api.deliveries(queued), 2);
    stage.still_answers();
}

#[test]
fn unexpected_statuses_are_no_reason_to_end() {
    for status in [404, 418] {
        goes_on(&Reply::status(status));
    }
}

#[test]
fn r2_6_403_and_500_on_next_end_the_process() {
    for status in [403, 500, 503, 404] {
        let mut stage = Stage::of("echo");
        stage.answers("1", "1");
        stage.api.queue_status(status);
        assert_eq!(stage.running.exit_code(), 1, "{status}");
        assert!(stage.running.logs().contains(&status.to_string()), "{}", stage.running.logs());
        // R1.7: not asked again.
        let nexts = stage.api.seen().iter().filter(|seen| seen.is_next()).count();
        assert_eq!(nexts, 2, "{status}");
    }
}

#[test]
fn r2_6_204_on_next_is_asked_again() {
    let mut stage = Stage::of("echo");
    for _ in 0..3 {
        stage.api.queue_status(204);
    }
    stage.answers("1", "1");
    stage.api.queue_status(204);
    stage.answers("2", "2");
    stage.api.wait_idle();
    let nexts = stage.api.seen().iter().filter(|seen| seen.is_next()).count();
    assert_eq!(nexts, 4 + 3, "once for each 204 and each event, and one that is pending");
}

#[test]
fn r2_7_an_answer_that_is_refused_again_and_again_is_no_hot_loop() {
    for status in [400, 403, 404, 431] {
        let mut event = Event::json(GOOD);
        for _ in 0..100 {
            event = event.reply(Reply::status(status).leaves_open());
        }
        let mut stage = Stage::of("fail");
        let queued = stage.api.queue(event);
        assert_eq!(stage.running.exit_code(), 1, "{status}");
        let deliveries = stage.api.deliveries(queued);
        assert!(deliveries <= 3, "{status}: handed out {deliveries} times");
        assert!(stage.running.logs().contains("FATAL"), "{}", stage.running.logs());
    }
}

#[test]
fn r2_7_an_answer_that_nobody_acknowledges_is_no_hot_loop() {
    let mut event = Event::json(GOOD);
    for _ in 0..100 {
        event = event.reply(Reply::hang_up());
    }
    let mut stage = Stage::of("fail");
    let queued = stage.api.queue(event);
    assert_eq!(stage.running.exit_code(), 1);
    assert!(stage.api.deliveries(queued) <= 3);
    assert!(stage.api.posts().len() <= 4, "{:?}", stage.api.posts());
}

#[test]
fn r2_7_refusals_of_different_events_do_not_add_up() {
    let mut stage = Stage::of("fail");
    for _ in 0..5 {
        stage.api.send(Event::json(GOOD).reply(Reply::status(410)));
    }
    stage.still_answers();
}
