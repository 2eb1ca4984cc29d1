//! The property: any sequence of behaviours gets exactly one answer for each event, from one process.

use std::time::Duration;

use bulkhead_tests::{Event, Kind};
use proptest::collection::vec;
use proptest::proptest;
use proptest::sample::select;
use proptest::test_runner::Config;

use crate::stage::Stage;

/// What the guest `mixed` can do, and the error that comes of it.
const BEHAVIOURS: &[(&str, Option<&str>)] = &[
    ("good", None),
    ("flood", None),
    ("fail", Some("Function.Error")),
    ("panic", Some("Function.Panic")),
    ("abort", Some("Function.Trap")),
    ("exit", Some("Function.Exited")),
    ("bomb", Some("Function.OutOfMemory")),
    ("big", Some("Function.ResponseSizeTooLarge")),
    ("spin", Some("Function.Timeout")),
];

#[test]
fn one_answer_for_each_event_whatever_guests_do() {
    // A sequence takes seconds, since guests that spin are stopped by their deadlines; so few are tried, and no more when a
    // shorter one is looked for that fails as well.
    let config = Config { cases: 4, max_shrink_iters: 16, ..Config::default() };
    proptest!(config, |(sequence in vec(select(BEHAVIOURS), 1..60))| each_has_one_answer(&sequence));
}

fn each_has_one_answer(sequence: &[(&str, Option<&str>)]) {
    let mut stage = Stage::of("mixed");
    let queued: Vec<_> = sequence
        .iter()
        .map(|(behaviour, _)| {
            let event = Event::json(format!("{behaviour:?}"));
            // A spinning guest costs the test as much time as it is given.
            let spins = *behaviour == "spin";
            stage.api.queue(if spins { event.deadline_in(Duration::from_millis(400)) } else { event })
        })
        .collect();
    for (queued, (behaviour, error)) in queued.iter().zip(sequence) {
        let answer = stage.api.answer(*queued);
        match error {
            None => assert_eq!(answer.kind, Kind::Response, "{behaviour}"),
            Some(error) => {
                assert_eq!((answer.kind, answer.error_type()), (Kind::Error, *error), "{behaviour}");
            }
        }
        assert_eq!(stage.api.deliveries(*queued), 1, "{behaviour}");
    }
    assert_eq!(stage.api.posts().len(), sequence.len(), "one answer each");
    assert_eq!(stage.api.violations(), [] as [String; 0]);
    assert!(stage.running.is_alive());
}
