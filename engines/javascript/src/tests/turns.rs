//! The event loop: what comes in which order, and when it ends.

use super::{printed, run};
use crate::platform;

#[test]
fn jobs_come_before_timers_and_timers_in_the_order_of_their_times() {
    let source = "export default () => new Promise((resolve) => {
        const seen = [];
        setTimeout(() => { seen.push('20'); resolve(seen) }, 20);
        setTimeout((a, b) => { seen.push('10' + a + b); Promise.resolve().then(() => seen.push('job of 10')) }, 10, 'a', 'b');
        setTimeout(() => seen.push('10 again'), 10);
        setImmediate(() => seen.push('immediate'));
        queueMicrotask(() => seen.push('job'));
        process.nextTick(() => seen.push('tick'));
        clearTimeout(setTimeout(() => seen.push('never'), 5));
    })";
    assert_eq!(run(source, "1"), r#"["job","tick","immediate","10ab","job of 10","10 again","20"]"#);
    assert_eq!(platform::with(|host| host.now), 20_000_000);
}

#[test]
fn intervals_end_when_they_are_stopped() {
    let source = "export default () => new Promise((resolve) => {
        let n = 0;
        const interval = setInterval(() => { if (++n === 3) { clearInterval(interval); resolve(n) } }, 5);
    })";
    assert_eq!((run(source, "1").as_str(), platform::with(|host| host.now)), ("3", 15_000_000));
}

#[test]
fn a_promise_that_nothing_settles_is_named() {
    for source in [
        "export default () => new Promise(() => {})",
        "export default () => new Promise(() => { setTimeout(() => {}, 10) })",
        "await new Promise(() => {}); export default () => 1",
        "exports.handler = (event, context, callback) => {}",
    ] {
        let answer = run(source, "1");
        assert!(
            answer.starts_with(
                "Function.PromiseNeverSettled: the handler returned a promise that nothing can settle"
            ),
            "{answer}"
        );
    }
}

#[test]
fn a_rejection_that_nothing_handles_fails_the_event() {
    let source = "export default () => new Promise(() => { Promise.reject(new RangeError('lost')); setTimeout(() => {}, 1000) })";
    assert!(run(source, "1").starts_with("RangeError: lost | at "), "{}", run(source, "1"));
    let source = "export default () => new Promise(() => { setTimeout(() => { throw new RangeError('thrown') }, 10) })";
    assert!(run(source, "1").starts_with("RangeError: thrown | at "));
    for way in ["queueMicrotask", "process.nextTick"] {
        let source = format!(
            "export default () => new Promise((resolve) => {{ {way}(() => {{ throw new RangeError('job') }}); setTimeout(resolve, 10) }})"
        );
        assert!(run(&source, "1").starts_with("RangeError: job | at "), "{}", run(&source, "1"));
    }
    let handled = "export default async () => { const late = Promise.reject(1); await null; try { await late } catch (e) { return e } }";
    assert_eq!(run(handled, "1"), "1");
    printed();
    assert_eq!(run("export default () => { Promise.reject(new RangeError('lost')); return 1 }", "1"), "1");
    assert_eq!(printed(), [r#"{"level":"ERROR","message":"unhandled rejection: RangeError: lost"}"#]);
    assert_eq!(
        run("export default async () => { throw new RangeError('x') }", "1").split(" |").next(),
        Some("RangeError: x")
    );
    assert_eq!(printed(), [""; 0]);
}

#[test]
fn an_event_does_not_wait_for_the_time_limit_of_a_signal() {
    let source = "exports.handler = (event, context, callback) => { AbortSignal.timeout(60000); setTimeout(() => {}, 10); callback(null, 1) }";
    assert_eq!((run(source, "1").as_str(), platform::with(|host| host.now)), ("1", 10_000_000));
    // A handler that waits for it gets it.
    let source =
        "export default () => new Promise((done) => { AbortSignal.timeout(50).onabort = () => done(2) })";
    assert_eq!(run(source, "1"), "2");
}
