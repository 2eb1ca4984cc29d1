//! Several events at a time in one process (L8.1–L8.12), and what one of them may do to the others: nothing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bulkhead_tests::{Answer, Bootstrap, Event, Kind, QueuedEvent, Reply, Running, RuntimeApi, TaskRoot};
use serde_json::Value;

use crate::stage::{Stage, assert_error};

const SECOND: Duration = Duration::from_secs(1);

fn of(slots: usize, guest: &str) -> Stage {
    Stage::managed(slots, TaskRoot::new().with(guest), guest)
}

fn answers(api: &RuntimeApi, queued: impl IntoIterator<Item = QueuedEvent>) -> Vec<Answer> {
    queued.into_iter().map(|queued| api.answer(queued)).collect()
}

fn records(running: &Running) -> Vec<Value> {
    let stdout = running.stdout();
    stdout.lines().map(|line| serde_json::from_str(line).expect("a record in JSON")).collect()
}

#[test]
fn l8_2_as_many_events_as_lambda_says_are_handled_at_a_time_and_answered_in_any_order() {
    let mut stage = of(8, "sleep");
    let long = stage.api.queue(Event::json("1500"));
    stage.running.wait_log("asleep");
    let short: Vec<QueuedEvent> = (0..7).map(|_| stage.api.queue(Event::json("1"))).collect();
    let first = answers(&stage.api, short);
    let last = stage.api.answer(long);
    assert_eq!(last.text(), "1500");
    assert!(first.iter().all(|answer| answer.answered < last.answered && answer.text() == "1"));
    // No more than that at a time, but then again.
    let many: Vec<QueuedEvent> =
        (0..100).map(|number| stage.api.queue(Event::json(number.to_string()))).collect();
    for (number, answer) in answers(&stage.api, many).iter().enumerate() {
        assert_eq!(answer.text(), number.to_string());
    }
    stage.answers("1", "1");
    assert_eq!(stage.api.connections(), 8);
}

#[test]
fn l8_8_every_record_is_json_and_names_its_own_event() {
    let stage = of(4, "sleep");
    let queued: Vec<QueuedEvent> = (0..20)
        .map(|number| stage.api.queue(Event::json("10").request_id(&format!("event-{number}"))))
        .collect();
    answers(&stage.api, queued);
    stage.api.wait_idle();
    let asleep = |record: &Value| (record["message"] == "asleep").then(|| record["requestId"].clone());
    let named: BTreeSet<String> =
        records(&stage.running).iter().filter_map(asleep).map(|id| id.to_string()).collect();
    assert_eq!(named.len(), 20, "{}", stage.running.stdout());
    stage.running.wait_receipts(20);
    let receipts = stage.running.receipts();
    assert_eq!(receipts.len(), 20);
    let bytes: u64 = receipts.iter().filter_map(|receipt| receipt["logBytes"].as_u64()).sum();
    assert_eq!(bytes, u64::try_from(stage.running.stdout().len()).expect("a length"));
}

#[test]
fn l8_7_each_event_keeps_its_own_trace() {
    let stage = of(4, "context");
    let trace = |number: usize| format!("Root=1-5bef4de7-{number:024x};Sampled=1");
    let queued: Vec<QueuedEvent> = (0..20)
        .map(|number| stage.api.queue(Event::json("1").header("Lambda-Runtime-Trace-Id", trace(number))))
        .collect();
    for (number, answer) in answers(&stage.api, queued).iter().enumerate() {
        assert_eq!(answer.json()["xray_trace_id"], trace(number));
    }
    let environment =
        std::fs::read(format!("/proc/{}/environ", stage.running.pid())).expect("read the environment");
    assert!(!String::from_utf8_lossy(&environment).contains("_X_AMZN_TRACE_ID"));
}

#[test]
fn l8_4_guests_that_never_yield_on_every_thread_stop_neither_deadlines_nor_others() {
    let toml = "
        [limits]
        cpu_time = '1m'
        wall_time = '3s'
        [handlers.endless_loop]
        [handlers.sleep]
        [tenants.greedy]
        handler = 'endless_loop'
        limits.concurrency = 6
        [tenants.other]
        handler = 'sleep'";
    let mut stage = Stage::managed_of_manifest(8, toml, &["endless_loop", "sleep"]);
    // More than this machine has processors, unless it is a large one.
    let greedy: Vec<QueuedEvent> =
        (0..6).map(|_| stage.api.queue(Event::json("1").tenant("greedy"))).collect();
    greedy.iter().for_each(|queued| stage.api.wait_delivered(*queued));
    for _ in 0..20 {
        let answer = stage.api.send(Event::json("20").tenant("other"));
        assert_eq!((answer.kind, answer.text()), (Kind::Response, "20"));
        let took = answer.answered - answer.delivered;
        assert!(took < SECOND, "a neighbour's timer took {took:?}");
    }
    let sooner = stage.api.send(Event::json("60000").tenant("other").deadline_in(SECOND / 2));
    assert_error(&sooner, "Function.Timeout");
    for answer in answers(&stage.api, greedy) {
        assert_error(&answer, "Function.Timeout");
        let took = answer.answered - answer.delivered;
        assert!(took > 2 * SECOND && took < 8 * SECOND, "{took:?}");
    }
    stage.api.send(Event::json("1").tenant("other"));
    assert!(stage.running.is_alive());
}

#[test]
fn l8_5_whatever_becomes_of_an_event_the_process_and_the_other_events_go_on() {
    let mut stage = of(4, "mixed");
    let bad = ["panic", "abort", "exit", "bomb", "big"];
    let queued: Vec<(QueuedEvent, bool)> = (0..60)
        .map(|number| {
            let behaviour = if number % 2 == 0 { "good" } else { bad[number / 2 % bad.len()] };
            (stage.api.queue(Event::json(format!("{behaviour:?}"))), behaviour == "good")
        })
        .collect();
    for (queued, is_good) in queued {
        let answer = stage.api.answer(queued);
        assert_eq!(answer.kind == Kind::Response, is_good, "{:?}", answer.text());
    }
    stage.answers(r#""good""#, "good");
}

#[test]
fn l8_4_a_late_answer_is_logged_and_the_loop_goes_on() {
    let mut stage = of(2, "echo");
    for number in 0..4 {
        let event = Event::json("1").request_id(&format!("late-{number}")).reply(Reply::status(410));
        stage.api.send(event);
    }
    stage.running.wait_log_times("the Runtime API refused the answer: 410", 4);
    let refused =
        |record: &&Value| record["level"] == "WARN" && record["message"].to_string().contains("410");
    let records = records(&stage.running);
    assert_eq!(records.iter().filter(refused).count(), 4, "{records:?}");
    stage.answers("1", "1");
}

#[test]
fn l8_12_a_runtime_api_that_fails_for_a_while_is_waited_for() {
    let mut stage = of(2, "echo");
    stage.api.queue_status(500);
    stage.api.queue_hang_up();
    stage.api.queue_bytes(b"nonsense\r\n\r\n");
    for number in 0..5 {
        stage.answers(&number.to_string(), &number.to_string());
    }
    let warnings = records(&stage.running);
    let wait = |record: &Value| -> Option<u64> {
        let (_, wait) = record["message"].as_str()?.split_once("trying again in ")?;
        wait.strip_suffix("ms")?.parse().ok()
    };
    assert!(warnings.iter().filter_map(wait).any(|first| (50..=100).contains(&first)), "{warnings:?}");
}

#[test]
fn l8_12_an_event_whose_post_is_lost_costs_that_event_alone() {
    let mut stage = of(2, "echo");
    let queued = stage.api.queue(Event::json("1").reply(Reply::status(500)));
    stage.api.answer(queued);
    stage.answers("2", "2");
    stage.running.wait_log("the Runtime API answered 500");
}

#[test]
fn c11_14_sigterm_ends_every_loop_and_answers_what_is_in_flight() {
    let mut stage = of(4, "sleep");
    let short: Vec<QueuedEvent> = (0..2).map(|_| stage.api.queue(Event::json("150"))).collect();
    let long = stage.api.queue(Event::json("60000"));
    short.iter().chain([&long]).for_each(|queued| stage.api.wait_delivered(*queued));
    stage.running.wait_log_times("asleep", 3);
    stage.running.terminate();
    assert_eq!(stage.running.exit_code(), 0);
    for answer in answers(&stage.api, short) {
        assert_eq!(answer.text(), "150");
    }
    assert_error(&stage.api.answer(long), "Function.Timeout");
}

#[test]
fn a_managed_instance_may_handle_one_event_at_a_time() {
    let mut stage = of(1, "echo");
    stage.answers("1", "1");
    stage.api.queue_status(500);
    stage.answers("2", "2");
}

#[test]
fn a_tenant_over_its_concurrency_is_refused_at_once_and_others_are_not() {
    let toml = "
        [handlers.sleep]
        [tenants.greedy.limits]
        concurrency = 2
        [tenants.other]";
    let mut stage = Stage::managed_of_manifest(6, toml, &["sleep"]);
    let asleep: Vec<QueuedEvent> =
        (0..2).map(|_| stage.api.queue(Event::json("1500").tenant("greedy"))).collect();
    stage.running.wait_log_times("asleep", 2);
    let refused = stage.api.send(Event::json("1500").tenant("greedy"));
    assert_error(&refused, "Runtime.ConcurrencyLimitExceeded");
    let text = refused.text();
    assert!(
        text.contains("\\\"greedy\\\" has 2 events in flight") && text.contains("raise the `concurrency`"),
        "{text}"
    );
    assert!(refused.answered - refused.delivered < SECOND);
    assert_eq!(stage.api.send(Event::json("1").tenant("other")).text(), "1");
    assert!(answers(&stage.api, asleep).iter().all(|answer| answer.text() == "1500"));
    assert_eq!(stage.api.send(Event::json("1").tenant("greedy")).text(), "1");
    stage.running.wait_receipts(stage.api.posts().len());
    let receipts = stage.receipts();
    let limited: Vec<_> = receipts.iter().filter(|receipt| receipt["limit"] == "concurrency").collect();
    assert_eq!(limited.len(), 1);
    assert_eq!((&limited[0]["tenantId"], &limited[0]["handler"]), (&"greedy".into(), &"sleep".into()));
    assert_eq!(limited[0]["component"], Value::Null);
    assert!(stage.running.is_alive());
}

#[test]
fn half_of_an_environment_is_the_most_that_one_of_several_tenants_takes_unasked() {
    let stage =
        Stage::managed_of_manifest(4, "[handlers.sleep]\n[tenants.greedy]\n[tenants.other]", &["sleep"]);
    let queued: Vec<QueuedEvent> =
        (0..2).map(|_| stage.api.queue(Event::json("1500").tenant("greedy"))).collect();
    stage.running.wait_log_times("asleep", 2);
    let refused = stage.api.send(Event::json("1").tenant("greedy"));
    assert_error(&refused, "Runtime.ConcurrencyLimitExceeded");
    assert_eq!(answers(&stage.api, queued).len(), 2);
}

#[test]
fn strangers_have_one_share_however_many_ids_they_make_up() {
    let toml = "routing.unknown_tenant = 'sleep'\n[handlers.sleep]\n[tenants.known]";
    let stage = Stage::managed_of_manifest(8, toml, &["sleep"]);
    let stranger = |number: usize| Event::json("1500").tenant(&format!("stranger-{number}"));
    let asleep: Vec<QueuedEvent> = (0..4).map(|number| stage.api.queue(stranger(number))).collect();
    stage.running.wait_log_times("asleep", 4);
    for number in 4..20 {
        let refused = stage.api.send(stranger(number));
        assert_error(&refused, "Runtime.ConcurrencyLimitExceeded");
        assert!(
            refused.text().contains("for all tenants that bulkhead.toml does not name"),
            "{}",
            refused.text()
        );
    }
    let known = stage.api.send(Event::json("1").tenant("known"));
    assert_eq!(known.text(), "1");
    assert!(known.answered - known.delivered < SECOND);
    assert!(answers(&stage.api, asleep).iter().all(|answer| answer.text() == "1500"));
    assert_eq!(stage.api.send(Event::json("1").tenant("stranger-0")).text(), "1");
}

#[test]
fn a_value_that_is_no_number_means_one_at_a_time() {
    let started = Instant::now();
    let root = TaskRoot::new().with("echo");
    let mut stage = Stage::at(root, |bootstrap: Bootstrap| {
        bootstrap.handler("echo").env("AWS_LAMBDA_MAX_CONCURRENCY", "many")
    });
    stage.answers("1", "1");
    assert!(stage.running.logs().contains("AWS_LAMBDA_MAX_CONCURRENCY is `many`"));
    assert!(started.elapsed() < 30 * SECOND);
}
