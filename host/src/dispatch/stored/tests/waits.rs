//! Events that wait for the store.

use std::sync::mpsc;

use super::*;

/// Occupies all threads of a lane until the sender is dropped.
pub(super) fn occupy(stage: &Stage, lane: Lane) -> mpsc::Sender<()> {
    let (sender, receiver) = mpsc::channel::<()>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..8 {
        let receiver = Arc::clone(&receiver);
        let job: Job = Box::new(move || {
            // It ends when the sender is dropped.
            let _ = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        });
        stage.stored.start(&mut stage.stored.lock(), lane, job).unwrap();
    }
    sender
}

#[test]
fn many_events_wait_for_one_fetch() {
    let stage = Stage::new(FOREVER);
    stage.put("acme", 1, |_| ());
    let stored = &stage.stored;
    let store = occupy(&stage, Lane::Unknown);
    let one = stored.start_record(&mut stored.lock(), &"acme".into(), None).unwrap();
    let other = stored.start_record(&mut stored.lock(), &"acme".into(), None).unwrap();
    assert!(one.same_channel(&other));
    drop(store);
    assert!(stage.find("acme").is_ok());
}

#[test]
fn an_event_waits_for_a_thread_and_does_not_fail() {
    let stage = Stage::new(FOREVER);
    stage.put("acme", 1, |_| ());
    let store = occupy(&stage, Lane::Unknown);
    let found = block_on(async {
        let found = stage.find_all_soon(&["acme", "stranger"]);
        let (found, ()) = tokio::join!(found, async { drop(store) });
        found
    });
    assert!(found["acme"].is_ok() && found["stranger"].as_ref().unwrap_err() == &Absence::Unknown);
}

#[test]
fn ids_that_are_made_up_do_not_keep_a_known_tenant_waiting() {
    let stage = Stage::new(NEVER);
    stage.put("acme", 1, |_| ());
    let handler = stage.find("acme").unwrap().handler;
    let store = occupy(&stage, Lane::Unknown);
    wait_a_look();
    assert!(stage.find("acme").is_ok() && stage.component(handler).is_ok());
    drop(store);
}

#[test]
fn an_event_waits_no_longer_than_its_time() {
    let stage = Stage::new(FOREVER);
    stage.put("acme", 1, |_| ());
    let _store = occupy(&stage, Lane::Unknown);
    let (meter, mut stop) = (Meter::new(Duration::MAX), Stop::default());
    let mut waiting = Waiting::new(Instant::now() + Duration::from_millis(5), &meter, &mut stop);
    let found = block_on(stage.stored.find_all(vec!["acme".into()], &mut waiting));
    assert_eq!(found["acme"].as_ref().unwrap_err(), &unavailable("the store has not answered in time"));
}

#[test]
fn an_event_waits_no_longer_when_the_process_is_asked_to_stop() {
    let stage = Stage::new(FOREVER);
    let _store = occupy(&stage, Lane::Unknown);
    let (meter, mut stop) = (Meter::new(Duration::MAX), Stop::default());
    let asks = stop.clone();
    let ids = || vec!["acme".into(), "globex".into()];
    let started = Instant::now();
    let mut waiting = Waiting::new(in_half_a_minute(), &meter, &mut stop);
    let found = block_on(async {
        let found = stage.stored.find_all(ids(), &mut waiting);
        tokio::join!(found, async { asks.request() }).0
    });
    assert!(found.values().all(Result::is_err));
    // One after the other, they have this time together.
    let mut waiting = Waiting::new(in_half_a_minute(), &meter, &mut stop);
    assert!(block_on(stage.stored.find_all(ids(), &mut waiting)).values().all(Result::is_err));
    assert!(started.elapsed() < LONGEST, "it waited as if nobody had asked");
}

#[test]
fn a_fetch_that_nobody_waits_for_any_more_is_left_out() {
    let stage = Stage::new(FOREVER);
    stage.put("acme", 1, |_| ());
    let store = occupy(&stage, Lane::Unknown);
    let (meter, mut stop) = (Meter::new(Duration::MAX), Stop::default());
    let mut waiting = Waiting::new(Instant::now(), &meter, &mut stop);
    assert!(block_on(stage.stored.find_all(vec!["acme".into()], &mut waiting))["acme"].is_err());
    drop(store);
    let until = in_half_a_minute();
    while !stage.stored.lock().records.is_empty() {
        assert!(Instant::now() < until, "it is still there");
        thread::yield_now();
    }
    assert_eq!(stage.stored.lock().cache.sizes()[0], 0, "it was fetched");
}
