//! The time of a script, on the engine that ships.

use std::time::{SystemTime, UNIX_EPOCH};

use bulkhead_tests::Event;

use super::language::function;

/// What a script computes leaves something on the stack, and the time must not depend on it.
const DATES: &str = "
    const busy = (n) => (n === 0 ? [Math.sin(n), `${n}`].sort() : busy(n - 1));
    const now = () => [Date.now(), new Date().getTime(), +new Date(Date())];
    export default () => [0, 1, 7, 50, 200].flatMap((n) => { busy(n); return [...now(), ...[n].map(now)[0]]; });
";

#[test]
fn the_date_of_a_script_is_that_of_its_host_whatever_it_has_done_before() {
    let Some(stage) = function("handlers.a.source = 'index.js'", &[("index.js", DATES)]) else { return };
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs_f64() * 1000.0;
    let before = now();
    let dates: Vec<f64> = serde_json::from_value(stage.api.send(Event::json("null")).json()).expect("dates");
    let after = now();
    assert_eq!(dates.len(), 30);
    // The text of a date has no milliseconds.
    let is_now = |date: &f64| (before - 1000.0..=after).contains(date);
    assert!(dates.iter().all(is_now), "{before} to {after}: {dates:?}");
}
