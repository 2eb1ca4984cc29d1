//! Time: a guest is stopped whatever it does, before Lambda would stop us; and odd deadlines are not held against it.

use std::time::Duration;

use bulkhead_tests::{Answer, Event, Kind};

use crate::stage::{Stage, assert_error};

const SECOND: Duration = Duration::from_secs(1);

/// Long enough for a slow machine, and below the handler's own limits of 5 s, and of 1 s of processor time.
const DEADLINE: Duration = Duration::from_millis(900);

fn took(answer: &Answer) -> Duration {
    answer.answered - answer.delivered
}

/// Stopped because of Lambda's deadline, and so neither at once nor by the limit of 5 s.
fn assert_stopped_by_deadline(answer: &Answer) {
    assert_error(answer, "Function.Timeout");
    let took = took(answer);
    assert!(took > DEADLINE / 2, "stopped after {took:?} already");
    assert!(took < 4 * SECOND, "stopped after {took:?} only");
}

#[test]
fn c11_9_a_loop_without_host_calls_is_stopped_before_the_deadline() {
    let mut stage = Stage::of("endless_loop");
    for _ in 0..2 {
        assert_stopped_by_deadline(&stage.api.send(Event::json("1").deadline_in(DEADLINE)));
        stage.still_answers();
    }
}

#[test]
fn c11_9_a_loop_with_host_calls_is_stopped() {
    let mut stage = Stage::of("endless_calls");
    assert_stopped_by_deadline(&stage.api.send(Event::json("1").deadline_in(DEADLINE)));
    stage.still_answers();
}

#[test]
fn c11_9_a_sleeper_is_stopped() {
    let mut stage = Stage::of("sleep");
    assert_stopped_by_deadline(&stage.api.send(Event::json("60000").deadline_in(DEADLINE)));
    stage.answers("1", "1");
}

#[test]
fn a_guest_that_is_done_in_time_is_not_stopped() {
    let mut stage = Stage::of("sleep");
    let answer = stage.api.send(Event::json("200").deadline_in(5 * SECOND));
    assert_eq!(answer.text(), "200");
    assert!(took(&answer) >= Duration::from_millis(200));
    stage.answers("1", "1");
}

#[test]
fn the_handlers_own_limit_holds_where_lambda_has_none_so_near() {
    let mut stage = Stage::of_manifest("[limits]\ncpu_time = '1m'", &["endless_loop"]);
    let answer = stage.api.send(Event::json("1").deadline_in(900 * SECOND));
    assert_error(&answer, "Function.Timeout");
    assert!(took(&answer) > 4 * SECOND, "stopped after {:?} already", took(&answer));
    let message = answer.json()["errorMessage"].to_string();
    assert!(message.contains("5s") || message.contains("5 s"), "{message}");
    stage.still_answers();
}

#[test]
fn r2_2_odd_deadlines_mean_unknown() {
    let mut stage = Stage::of("sleep");
    for deadline in
        ["600000", "0", "NaN", "", "-1", "soon", "1e12", "99999999999999999999999", "1.5", "\u{fc}"]
    {
        let answer = stage.api.send(Event::json("20").header("Lambda-Runtime-Deadline-Ms", deadline));
        assert_eq!((answer.kind, answer.text()), (Kind::Response, "20"), "{deadline:?}");
    }
    let answer = stage.api.send(Event::json("20").without("Lambda-Runtime-Deadline-Ms"));
    assert_eq!(answer.text(), "20");
    stage.answers("1", "1");
}

#[test]
fn r2_2_each_kind_of_odd_deadline_is_warned_about() {
    let odd = [Some("600000"), Some("NaN"), None];
    for deadline in odd {
        let stage = Stage::of("echo");
        let event = Event::json("1").without("Lambda-Runtime-Deadline-Ms");
        let event = match deadline {
            Some(value) => event.header("Lambda-Runtime-Deadline-Ms", value),
            None => event,
        };
        stage.api.send(event);
        let log = stage.running.stdout();
        let warned = log.lines().any(|line| line.contains("\tWARN\t") && line.contains("Deadline-Ms"));
        assert!(warned, "{deadline:?}: {log:?}");
    }
}

#[test]
fn a_good_deadline_is_not_warned_about() {
    let stage = Stage::of("echo");
    stage.send("1");
    assert_eq!(stage.running.logs(), "");
}

#[test]
fn an_unknown_deadline_is_no_licence_to_run_for_ever() {
    // A busy machine takes long over a second of processor time, and that is the limit that is to end it.
    let mut stage =
        Stage::of_manifest("[limits]\nwall_time = \"60s\"\n[handlers.endless_loop]", &["endless_loop"]);
    stage.api.send(Event::json(r#""ping""#).without("Lambda-Runtime-Deadline-Ms"));
    let answer = stage.api.send(Event::json("1").header("Lambda-Runtime-Deadline-Ms", "600000"));
    assert_error(&answer, "Function.CpuLimitExceeded");
    stage.still_answers();
}

#[test]
fn a_deadline_within_the_margin_gets_one_answer_too() {
    let mut stage = Stage::of("endless_loop");
    let answer = stage.api.send(Event::json("1").deadline_in(Duration::from_millis(60)));
    assert_error(&answer, "Function.Timeout");
    assert_eq!(stage.api.posts().len(), 1);
    stage.still_answers();
}

#[test]
fn the_guest_is_told_when_it_will_be_stopped() {
    let stage = Stage::of("context");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970");
    let now = u64::try_from(now.as_millis()).expect("a date before the year 500 million");
    let asked = now + 3_000;
    let answer = stage.api.send(Event::json("1").header("Lambda-Runtime-Deadline-Ms", asked.to_string()));
    let told = answer.json()["deadline"].as_u64().expect("a deadline");
    assert!(told <= asked && told > now, "{now} < {told} <= {asked}");
}
