//! Memory: what one event takes is bounded, and given back.

use bulkhead_tests::Event;

use crate::stage::Stage;

const MIB: u64 = 1024 * 1024;

#[test]
fn within_the_limit_memory_is_there() {
    let mut stage = Stage::of("memory");
    stage.answers("100", &(100 * MIB).to_string());
}

#[test]
fn past_the_limit_the_error_says_so() {
    let mut stage = Stage::of("memory");
    for mebibytes in ["129", "1000"] {
        let body = stage.error(mebibytes, "Function.OutOfMemory").json();
        assert!(body["errorMessage"].to_string().contains("128"), "the limit is named: {body}");
        stage.answers("1", &MIB.to_string());
    }
}

#[test]
fn the_event_counts_but_need_not_be_small() {
    let mut stage = Stage::of("echo");
    let answer = stage.api.send(Event::bytes(vec![b'1'; 20 * 1024 * 1024]));
    crate::stage::assert_error(&answer, "Function.ResponseSizeTooLarge");
    stage.answers("1", "1");
}

#[test]
fn what_an_event_took_is_given_back() {
    let mut stage = Stage::of("memory");
    stage.answers("1", &MIB.to_string());
    stage.api.wait_idle();
    let before = stage.running.rss();
    for _ in 0..5 {
        stage.answers("100", &(100 * MIB).to_string());
    }
    // With the next event the last sandbox has certainly been taken apart.
    stage.answers("1", &MIB.to_string());
    let after = stage.running.rss();
    assert!(after < before + 50 * MIB, "{before} bytes before, {after} after");
}
