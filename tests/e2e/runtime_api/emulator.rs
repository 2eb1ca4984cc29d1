//! Lambda's own Runtime Interface Emulator as the judge (M13.1). Skipped with a warning if it is missing; in CI that is an error.

use base64::Engine as _;
use serde_json::json;

use bulkhead_tests::{Rie, TaskRoot};

fn managed(guest: &str, slots: usize, test: impl FnOnce(&Rie)) {
    let root = TaskRoot::new().with(guest);
    if let Some(rie) = Rie::managed(&root, guest, slots) {
        test(&rie);
    }
}

fn with(guest: &str, environment: &[(&str, &str)], test: impl FnOnce(&Rie)) {
    let root = TaskRoot::new().with(guest);
    if let Some(rie) = Rie::start(&root, guest, environment) {
        test(&rie);
    }
}

#[test]
fn m13_4_a_good_response() {
    with("echo", &[], |rie| {
        for event in [r#"{"name":"world"}"#, "null", "\"🚢\""] {
            let invoked = rie.invoke(event, &[]);
            assert_eq!((invoked.status.as_str(), invoked.text().as_str()), ("200", event));
        }
        assert_eq!(rie.starts(), 1, "one process for all events: {}", rie.logs());
    });
}

#[test]
fn m13_4_an_error_is_passed_on_as_it_is() {
    with("fail", &[], |rie| {
        let invoked = rie.invoke(r#"{"type":"OutOfStock","message":"nothing left 🚢"}"#, &[]);
        let expected =
            json!({ "errorType": "OutOfStock", "errorMessage": "nothing left 🚢", "stackTrace": [] });
        assert_eq!((invoked.status.as_str(), invoked.json()), ("200", expected));
        assert_eq!(rie.invoke(r#""ping""#, &[]).text(), r#""ping""#);
        assert_eq!(rie.starts(), 1);
    });
}

#[test]
fn every_way_to_die_leaves_the_process_alive() {
    with("mixed", &[], |rie| {
        for (behaviour, error_type) in [
            ("panic", "Function.Panic"),
            ("abort", "Function.Trap"),
            ("exit", "Function.Exited"),
            ("bomb", "Function.OutOfMemory"),
            ("big", "Function.ResponseSizeTooLarge"),
        ] {
            assert_eq!(rie.invoke(format!("{behaviour:?}"), &[]).json()["errorType"], error_type);
            assert_eq!(rie.invoke(r#""good""#, &[]).text(), "good");
        }
        assert_eq!(rie.starts(), 1);
    });
}

#[test]
fn r5_3_the_first_caller_gets_the_init_error() {
    let root = TaskRoot::new().file("broken.wasm", b"not wasm");
    let Some(rie) = Rie::start(&root, "broken", &[]) else {
        return;
    };
    let error = rie.invoke("{}", &[]).json();
    assert_eq!(error["errorType"], "Runtime.InvalidComponent");
    assert!(error["errorMessage"].to_string().contains("broken.wasm"), "{error}");
}

#[test]
fn c11_9_our_timeout_comes_before_lambdas() {
    with("sleep", &[("AWS_LAMBDA_FUNCTION_TIMEOUT", "2")], |rie| {
        for _ in 0..2 {
            assert_eq!(rie.invoke("60000", &[]).json()["errorType"], "Function.Timeout");
            assert_eq!(rie.invoke("1", &[]).text(), "1");
        }
        assert_eq!(rie.starts(), 1, "not killed and started again: {}", rie.logs());
    });
}

#[test]
fn r3_3_responses_up_to_the_limit() {
    with("sized", &[], |rie| {
        for size in [0, 6 * 1024 * 1024, 6_291_556] {
            let invoked = rie.invoke(size.to_string(), &[]);
            assert_eq!((invoked.status.as_str(), invoked.body.len()), ("200", size));
        }
        let error = rie.invoke("6291557", &[]).json();
        assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
        assert_eq!(rie.invoke("1", &[]).text(), "x");
        assert_eq!(rie.starts(), 1);
    });
}

#[test]
fn m13_2_the_context_arrives() {
    with("context", &[], |rie| {
        let client = base64::engine::general_purpose::STANDARD.encode(r#"{"custom":{"tier":"gold"}}"#);
        let headers = [("X-Amz-Client-Context", client.as_str()), ("X-Amz-Tenant-Id", "acme")];
        let context = rie.invoke("{}", &headers).json();
        assert_eq!(context["client_context"]["custom"]["tier"], "gold");
        assert_eq!(context["tenant_id"], "acme");
        // It does not pass the trace on, whatever the caller sends.
        assert_eq!(context["xray_trace_id"], serde_json::Value::Null);
        assert_eq!(context["env_config"]["function_name"], "tested");
        assert!(!context["request_id"].as_str().unwrap_or_default().is_empty());
        let arn = context["invoked_function_arn"].as_str().unwrap_or_default();
        assert!(arn.starts_with("arn:aws:lambda:"), "{context}");
    });
}

#[test]
fn c11_13_the_extension_is_accepted() {
    with("echo", &[("BULKHEAD_SIGTERM", "1")], |rie| {
        for count in 0..3 {
            assert_eq!(rie.invoke(count.to_string(), &[]).text(), count.to_string());
        }
        assert!(rie.logs().contains("bulkhead-sigterm"), "registered: {}", rie.logs());
        assert_eq!(rie.starts(), 1);
    });
}

#[test]
fn m13_5_a_managed_instance_handles_as_many_events_as_it_says() {
    managed("sleep", 4, |rie| {
        // A loop that has just answered may not be back yet, and then the emulator refuses one more; so, another round.
        let round = || {
            let answers = at_once(6, || rie.invoke("1000", &[]));
            let (answered, refused): (Vec<_>, Vec<_>) =
                answers.iter().partition(|answer| answer.text() == "1000");
            // L8.6: the emulator has no loop left to give it to.
            assert!(refused.iter().all(|answer| answer.json()["errorType"] == "Runtime.Unavailable"));
            (answered.len(), refused.len())
        };
        let rounds: Vec<_> = (0..5).map(|_| round()).collect();
        assert!(rounds.contains(&(4, 2)), "four are answered and two refused, at least once: {rounds:?}");
    });
}

/// Calls it so many times at the same moment.
fn at_once<T: Send>(times: usize, call: impl Fn() -> T + Sync) -> Vec<T> {
    let together = std::sync::Barrier::new(times);
    std::thread::scope(|scope| {
        let run = || {
            together.wait();
            call()
        };
        let callers: Vec<_> = (0..times).map(|_| scope.spawn(run)).collect();
        callers.into_iter().map(|caller| caller.join().expect("a call that returns")).collect()
    })
}

#[test]
fn l8_4_a_managed_instance_outlives_an_answer_that_comes_too_late() {
    managed("sleep", 2, |rie| {
        // The emulator gives up after 2 s, and its deadline is weeks away (M13.5); our own limit comes after 5 s.
        assert_eq!(rie.invoke_when_free("3000").json()["errorType"], "Sandbox.Timedout");
        rie.wait_log("the Runtime API refused the answer: 410");
        for number in 0..10 {
            assert_eq!(rie.invoke_when_free(number.to_string()).text(), number.to_string());
        }
    });
}

#[test]
fn l8_5_a_managed_instance_outlives_its_events() {
    managed("mixed", 2, |rie| {
        for behaviour in ["panic", "abort", "exit", "bomb", "big"] {
            rie.invoke_when_free(format!("{behaviour:?}"));
            assert_eq!(rie.invoke_when_free(r#""good""#).text(), "good");
        }
    });
}
