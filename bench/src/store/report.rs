//! The figures of a store as tables, and their targets.

use std::time::Duration;

use serde_json::{Value, json};

use super::measure::{Beside, Changes, Drawn, Events, FirstAndLater, REFRESH};
use crate::figures::{count, median, milliseconds, quantile};
use crate::goals::Goal;
use crate::markdown::{row, shown, table, thousands};

/// The most that a known tenant of the store may take of the processor, relative to one of bulkhead.toml.
const MOST_BESIDE: f64 = 1.02;
/// The most that a first event may take longer than a later one, in ms.
const MOST_SHARED: f64 = 1.0;
const MOST_OWN: f64 = 2.0;
/// The most memory after all tenants of one component had an event, in MB.
const MOST_MEMORY: f64 = 100.0;
/// "As with none": more than what differs between two measurements of the same.
const MOST_START: f64 = 1.05;
/// The first event after `refresh` is still served under the old record, so that two events have to come.
const SLACK: Duration = Duration::from_millis(100);
/// The most requests before a first event.
const MOST_REQUESTS: f64 = 2.0;
/// What a first event may take besides its requests to S3, in ms.
const MOST_BESIDES: f64 = 2.0;

/// What was measured of one kind of store.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// Tenants that share a component.
    pub shared: FirstAndLater,
    /// Tenants with a component each.
    pub own: FirstAndLater,
    /// Events whose tenants are drawn at random, of both kinds.
    pub drawn: [Drawn; 2],
}

/// Everything that was measured.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// A store in a directory.
    pub directory: Measured,
    /// A store in S3, and the delay of each request in ms.
    pub s3: Option<(Measured, f64)>,
    /// Known tenants beside those of bulkhead.toml.
    pub beside: Beside,
    /// The time to the first call for an event without a store and with one, in ms.
    pub starts: [f64; 2],
    /// Events of a tenant that was changed.
    pub changes: Changes,
}

impl Measured {
    /// How much longer the first event of a tenant takes than the second, in ms.
    fn above(of: &FirstAndLater) -> f64 {
        (median(&of.first.took) - median(&of.later.took)) / 1e3
    }
}

impl Figures {
    /// The targets.
    pub fn goals(&self) -> Vec<Goal> {
        let goal = |name, limit, unit, measured| Goal { name, limit, unit, measured };
        let start = self.starts[1] / self.starts[0];
        let refresh = milliseconds(REFRESH + SLACK) / 1e3;
        let Measured { shared, own, .. } = &self.directory;
        let mut goals = vec![
            goal(
                "known tenant beside a static one, processor time",
                MOST_BESIDE,
                "×",
                median(&self.beside.ratios),
            ),
            goal(
                "first event above a later one, shared component",
                MOST_SHARED,
                " ms",
                Measured::above(shared),
            ),
            goal("first event above a later one, own component", MOST_OWN, " ms", Measured::above(own)),
            goal("memory after all tenants of one component", MOST_MEMORY, " MB", shared.after),
            goal("start beside one without a store", MOST_START, "×", start),
            goal(
                "until a change is served, slowest",
                refresh,
                " s",
                quantile(&self.changes.times, 1000) / 1e3,
            ),
            goal("events that failed while a tenant was changed", 0.0, "", count(self.changes.errors.len())),
        ];
        if let Some((Measured { shared, own, .. }, delay)) = &self.s3 {
            let besides = |of: &FirstAndLater| Measured::above(of) - of.fetches() * delay;
            goals.extend([
                goal("S3: requests before a first event, own component", MOST_REQUESTS, "", own.fetches()),
                goal("S3: first event besides its requests, shared", MOST_BESIDES, " ms", besides(shared)),
                goal("S3: first event besides its requests, own", MOST_BESIDES, " ms", besides(own)),
            ]);
        }
        goals
    }

    /// The tables.
    pub fn tables(&self) -> String {
        let stores = std::iter::once(("directory", &self.directory))
            .chain(self.s3.as_ref().map(|(measured, _)| ("S3", measured)));
        let mut events = vec![row(["event, µs", "events", "median", "p99", "slowest", "processor time"])];
        events.push(of_events("static tenant, event to event", &self.beside.of_zip));
        events.push(of_events("known tenant, event to event", &self.beside.stored));
        let mut counted = vec![row([
            "drawn by Zipf",
            "events",
            "hit rate",
            "records",
            "unchanged",
            "code",
            "median, µs",
            "p99, µs",
            "MB after",
            "s",
        ])];
        let mut memory = vec![row(["memory, MB", "before", "after each had two events"])];
        for (store, Measured { shared, own, drawn, .. }) in stores {
            for (kind, measured) in [("shared", shared), ("own", own)] {
                let name = |which: &str| format!("{store}: {which}, {kind} component");
                events.push(of_events(&name("first event"), &measured.first));
                events.push(of_events(&name("later event"), &measured.later));
                let of_memory = [measured.before, measured.after].map(shown);
                let tenants = thousands(count(measured.first.took.len()));
                let name = format!("{store}: {tenants} tenants, {kind} component");
                memory.push(row([&name, &of_memory[0], &of_memory[1]]));
            }
            for (kind, drawn) in ["shared component", "own component"].iter().zip(drawn) {
                counted.push(of_drawn(&format!("{store}: {kind}"), drawn));
            }
        }
        let [without, with] = self.starts.map(shown);
        let [half, most] = [500, 1000].map(|part| shown(quantile(&self.changes.times, part) / 1e3));
        let others = [
            row(["", "median", "slowest"]),
            row(["start to first /next without a store, ms", &without, ""]),
            row(["start to first /next with a store, ms", &with, ""]),
            row(["until a change is served, s", &half, &most]),
        ];
        [events, counted, memory, others.to_vec()].map(|rows| table(&rows)).join("\n\n")
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let of_events = |Events { took, processor }: &Events| {
            let [median, p99, slowest] = [500, 990, 1000].map(|part| quantile(took, part));
            let processor = quantile(processor, 500);
            json!({ "events": took.len(), "median_us": median, "p99_us": p99, "slowest_us": slowest, "processor_us": processor })
        };
        let of_first = |of: &FirstAndLater| {
            let memory = [of.before, of.after];
            let (first, later) = (of_events(&of.first), of_events(&of.later));
            json!({ "first": first, "later": later, "memory_mb": memory, "requests_before_first": of.fetches() })
        };
        let of_drawn = |drawn: &Drawn| {
            let requests = &drawn.requests;
            json!({
                "events": drawn.took.len(), "hit_rate": drawn.hit_rate(), "records": requests.records,
                "unchanged": requests.unchanged, "codes": requests.codes, "others": requests.others,
                "memory_mb": drawn.memory, "seconds": drawn.seconds,
            })
        };
        let of = |Measured { shared, own, drawn }: &Measured| {
            let drawn: Vec<Value> = drawn.iter().map(of_drawn).collect();
            json!({ "shared": of_first(shared), "own": of_first(own), "drawn": drawn })
        };
        json!({
            "directory": of(&self.directory),
            "s3": self.s3.as_ref().map(|(measured, delay)| json!({ "delay_ms": delay, "measured": of(measured) })),
            "static": of_events(&self.beside.of_zip),
            "known": of_events(&self.beside.stored),
            "known_to_static": self.beside.ratios,
            "starts_ms": self.starts,
            "changes_ms": self.changes.times,
            "changes_errors": self.changes.errors,
        })
    }
}

fn of_events(name: &str, Events { took, processor }: &Events) -> Vec<String> {
    let figure = |figures: &[f64], part| {
        let figure = quantile(figures, part);
        if figure.is_nan() { String::new() } else { shown(figure) }
    };
    let events = thousands(count(took.len()));
    row([name, &events, &figure(took, 500), &figure(took, 990), &figure(took, 1000), &figure(processor, 500)])
}

fn of_drawn(name: &str, drawn: &Drawn) -> Vec<String> {
    let requests = &drawn.requests;
    let [records, unchanged, codes] =
        [requests.records, requests.unchanged, requests.codes].map(|number| thousands(count(number)));
    let [median, p99] = [500, 990].map(|part| shown(quantile(&drawn.took, part)));
    let events = thousands(count(drawn.took.len()));
    let hits = format!("{:.1} %", drawn.hit_rate() * 100.0);
    let [memory, seconds] = [drawn.memory, drawn.seconds].map(shown);
    row([name, &events, &hits, &records, &unchanged, &codes, &median, &p99, &memory, &seconds])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Requests;

    /// Three tenants; the first event of each caused so many requests.
    fn first_and_later(first: f64, later: f64, fetches: u64) -> FirstAndLater {
        let requests = Requests { records: 3, unchanged: 9, codes: 3 * (fetches - 1), others: 0 };
        let events = |took: f64| Events { took: vec![took; 3], processor: vec![took / 2.0; 3] };
        FirstAndLater { first: events(first), later: events(later), before: 7.0, after: 42.0, requests }
    }

    fn measured() -> Measured {
        let requests = Requests { records: 1, unchanged: 2, codes: 0, others: 0 };
        let drawn = Drawn { took: vec![50.0; 4], requests, memory: 9.0, seconds: 1.0 };
        let (shared, own) = (first_and_later(1200.0, 100.0, 1), first_and_later(2000.0, 100.0, 2));
        Measured { shared, own, drawn: [drawn.clone(), drawn] }
    }

    fn figures(s3: Option<(Measured, f64)>) -> Figures {
        Figures {
            directory: measured(),
            s3,
            beside: Beside { ratios: vec![1.01], ..Beside::default() },
            starts: [2.0, 2.2],
            changes: Changes { times: vec![1000.0, 5010.0], errors: vec!["lost".to_owned()] },
        }
    }

    #[test]
    fn targets_are_judged() {
        let words: Vec<&str> = figures(None).goals().iter().map(Goal::word).collect();
        assert_eq!(words, ["met", "MISSED", "met", "met", "MISSED", "met", "MISSED"]);
    }

    #[test]
    fn what_a_request_takes_is_not_the_function_s_own_time() {
        let mut s3 = measured();
        s3.shared = first_and_later(16_500.0, 100.0, 1);
        s3.own = first_and_later(35_000.0, 100.0, 2);
        let goals = figures(Some((s3, 15.0))).goals();
        let of_s3: Vec<(f64, &str)> = goals[7..].iter().map(|goal| (goal.measured, goal.word())).collect();
        assert_eq!(of_s3[0], (2.0, "met"));
        assert!((of_s3[1].0 - 1.4).abs() < 1e-9 && of_s3[1].1 == "met");
        assert!((of_s3[2].0 - 4.9).abs() < 1e-9 && of_s3[2].1 == "MISSED");
    }

    #[test]
    fn each_figure_is_in_a_table() {
        let text = figures(Some((measured(), 15.0))).tables();
        for part in [
            "| directory: first event, shared component |",
            "| S3: later event, own component ",
            "| directory: 3 tenants, own component ",
            "|   75.0 % |",
            "| until a change is served, s              |",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!figures(None).tables().contains("S3"));
        let json = figures(None).json();
        assert_eq!(
            (&json["s3"], &json["directory"]["own"]["first"]["median_us"]),
            (&Value::Null, &json!(2000.0))
        );
    }
}
