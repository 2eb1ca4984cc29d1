//! The property: any sequence of behaviours gets exactly one answer for each event, from one process.

use std::time::Duration;

use bulkhead_tests::{Event, Kind};

use crate::stage::Stage;

/// What the guest `mixed` can do, and the error that comes of it.
const BEHAVIOURS: [(&str, Option<&str>); 9] = [
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

/// Numbers that look random, the same for the same seed.
struct Shuffle(u64);

impl Shuffle {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

fn any_sequence(seed: u64) {
    let mut shuffle = Shuffle(seed);
    let mut stage = Stage::of("mixed");
    let sequence: Vec<_> = (0..40).map(|_| BEHAVIOURS[shuffle.below(BEHAVIOURS.len())]).collect();
    let queued: Vec<_> = sequence
        .iter()
        .map(|(behaviour, _)| {
            let event = Event::json(format!("{behaviour:?}"));
            // A spinning guest costs the test as much time as it is given.
            let spins = *behaviour == "spin";
            stage.api.queue(if spins { event.deadline_in(Duration::from_millis(400)) } else { event })
        })
        .collect();
    for (queued, (behaviour, error)) in queued.iter().zip(&sequence) {
        let answer = stage.api.answer(*queued);
        let what = format!("{behaviour} in seed {seed} of {sequence:?}");
        match error {
            None => assert_eq!(answer.kind, Kind::Response, "{what}"),
            Some(error) => assert_eq!((answer.kind, answer.error_type()), (Kind::Error, *error), "{what}"),
        }
        assert_eq!(stage.api.deliveries(*queued), 1, "{what}");
    }
    assert_eq!(stage.api.posts().len(), sequence.len(), "one answer each in seed {seed}");
    assert_eq!(stage.api.violations(), [] as [String; 0]);
    assert!(stage.running.is_alive());
}

#[test]
fn one_answer_for_each_event_whatever_guests_do_1() {
    any_sequence(1);
}

#[test]
fn one_answer_for_each_event_whatever_guests_do_2() {
    any_sequence(2);
}

#[test]
fn one_answer_for_each_event_whatever_guests_do_3() {
    any_sequence(3);
}
