//! What is charged, and what is not.

use super::*;
use std::time::Instant;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn compute(meter: &Meter, until: Duration) {
    while meter.spent() < until {
        std::hint::black_box(());
    }
}

#[test]
fn computing_counts_while_it_goes_on() {
    let meter = Meter::new(Duration::from_millis(20));
    assert_eq!(meter.left(), Some(Duration::from_millis(20)));
    block_on(meter.run(async { compute(&meter, Duration::from_millis(20)) }));
    assert!(meter.spent() >= Duration::from_millis(20));
    assert_eq!(meter.left(), None);
}

#[test]
fn waiting_does_not_count() {
    let meter = Meter::new(Duration::from_secs(1));
    let started = Instant::now();
    block_on(meter.run(async { tokio::time::sleep(Duration::from_millis(60)).await }));
    assert!(started.elapsed() >= Duration::from_millis(60));
    assert!(meter.spent() < Duration::from_millis(30), "{:?}", meter.spent());
}

#[test]
fn a_guest_has_its_own_time_from_when_it_is_there() {
    let meter = Meter::new(Duration::MAX);
    block_on(meter.run(async { compute(&meter, Duration::from_millis(20)) }));
    meter.allow(Duration::from_millis(10));
    assert_eq!(meter.left(), Some(Duration::from_millis(10)));
    meter.add(Duration::from_millis(10));
    assert_eq!(meter.left(), None);
    assert!(meter.spent() >= Duration::from_millis(30));
}

/// On a new thread, which has done nothing before.
fn spent_after(wake: impl FnOnce() + Send + 'static) -> Duration {
    let thread = std::thread::spawn(|| {
        let (before, meter) = (Meter::new(Duration::MAX), Meter::new(Duration::MAX));
        block_on(before.run(async {}));
        wake();
        block_on(meter.run(async {}));
        meter.spent()
    });
    thread.join().unwrap()
}

fn compute_20_ms() {
    let started = thread_clock();
    while thread_clock() - started < 20_000_000 {
        std::hint::black_box(());
    }
}

#[test]
fn waking_counts_and_what_is_no_event_s_does_not() {
    assert!(spent_after(compute_20_ms) >= Duration::from_millis(20));
    let spent = spent_after(|| block_on(unmetered(async { compute_20_ms() })));
    assert!(spent < Duration::from_millis(10), "{spent:?}");
}

#[test]
fn a_meter_within_another_begins_when_it_is_used() {
    let (outer, inner) = (Meter::new(Duration::MAX), Meter::new(Duration::MAX));
    block_on(outer.run(async {
        inner.run(async {}).await;
        compute(&outer, Duration::from_millis(20));
        inner.run(async {}).await;
    }));
    assert!(inner.spent() < Duration::from_millis(10), "{:?}", inner.spent());
    assert!(outer.spent() >= Duration::from_millis(20));
}

#[test]
fn what_runs_on_it_twice_counts_once() {
    let meter = Meter::new(Duration::MAX);
    let mut within = Duration::ZERO;
    block_on(meter.run(async {
        meter.run(async { compute(&meter, Duration::from_millis(20)) }).await;
        within = meter.spent();
        compute(&meter, within + Duration::from_millis(20));
    }));
    assert!(within >= Duration::from_millis(20) && meter.spent() >= within + Duration::from_millis(20));
    assert!(meter.spent() < Duration::from_secs(10));
}

#[test]
fn a_panic_ends_its_turn() {
    let meter = Meter::new(Duration::MAX);
    let panics = std::panic::AssertUnwindSafe(|| block_on(meter.run::<()>(async { panic!("on the meter") })));
    assert!(std::panic::catch_unwind(panics).is_err());
    assert_eq!(meter.spent(), meter.spent(), "it stands still");
}

#[test]
fn what_others_do_between_polls_does_not_count() {
    let meter = Meter::new(Duration::from_secs(1));
    let other = Meter::new(Duration::from_secs(1));
    block_on(async {
        let guest = meter.run(tokio::task::yield_now());
        let busy = other.run(async { compute(&other, Duration::from_millis(60)) });
        tokio::join!(guest, busy);
    });
    assert!(meter.spent() < Duration::from_millis(30), "{:?}", meter.spent());
}

#[test]
fn work_beside_the_polls_counts_on_any_thread() {
    let meter = Meter::new(Duration::from_secs(60));
    block_on(meter.run(async { compute(&meter, Duration::from_millis(5)) }));
    let worker = meter.clone();
    let work = move || worker.charge(|| compute(&Meter::new(Duration::ZERO), Duration::ZERO)).1;
    assert!(std::thread::spawn(work).join().unwrap());
    let before = meter.spent();
    let (said, is_left) = meter.charge(|| {
        compute_20_ms();
        "done"
    });
    assert_eq!((said, is_left), ("done", true));
    assert!(meter.spent() >= before + Duration::from_millis(20), "{:?}", meter.spent());
    // What was charged is not counted again when the guest is polled.
    let charged = meter.spent();
    block_on(meter.run(async {}));
    assert!(meter.spent() < charged + Duration::from_millis(10), "{:?}", meter.spent());
}

#[test]
fn what_the_guest_before_used_up_is_not_told_to_the_next_one() {
    let meter = Meter::new(Duration::from_millis(1));
    let burn = Meter::new(Duration::MAX);
    for _ in 0..2 {
        let until = burn.spent() + Duration::from_millis(2);
        meter.charge(|| block_on(burn.run(async { compute(&burn, until) })));
    }
    meter.allow(Duration::from_secs(60));
    let ended = block_on(async { tokio::time::timeout(Duration::from_millis(50), meter.exhausted()).await });
    assert!(ended.is_err() && meter.left().is_some());
}

#[test]
fn a_guest_that_waits_is_told_that_work_used_up_its_time() {
    let meter = Meter::new(Duration::from_millis(1));
    let burn = Meter::new(Duration::MAX);
    let work = || block_on(burn.run(async { compute(&burn, Duration::from_millis(2)) }));
    let ((), is_left) = meter.charge(work);
    assert!(!is_left && meter.left().is_none());
    block_on(meter.exhausted());
}

#[test]
fn a_limit_that_is_set_during_a_poll_is_not_cut_short_by_what_the_poll_has_done() {
    let meter = Meter::new(Duration::MAX);
    block_on(meter.run(async {
        compute(&meter, Duration::from_millis(5));
        assert!(meter.turn() >= Duration::from_millis(5));
        meter.allow(Duration::from_secs(10));
        assert!(meter.left() > Some(Duration::from_secs(9)), "{:?}", meter.left());
    }));
    assert_eq!(meter.turn(), Duration::ZERO, "no poll is in progress");
    assert!(meter.is(&meter.clone()) && !meter.is(&Meter::new(Duration::MAX)));
}
