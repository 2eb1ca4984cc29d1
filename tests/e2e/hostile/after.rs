//! Guests that have the host work for them: once they have ended, or with what they hand over in one call. What that
//! takes is bounded before it begins, and it is on the receipt of their own event.

use std::time::Duration;

use bulkhead_tests::Event;
use serde_json::json;

use crate::hostile::{ALICE, Attack, AttackResults, bytes, guest, wat};
use crate::stage::assert_error;
use crate::wat::{EXPORTS, handler};

/// What an attack takes that a test of it lets pass, on a machine that is busy with others and in a build that is not
/// optimised.
const MOST_CPU_MS: f64 = 500.0;

/// A place in a mangled name, as one of its later parts refers to it.
fn reference(place: usize) -> String {
    const DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let Some(mut rest) = place.checked_sub(1) else { return "B_".to_owned() };
    let mut digits = Vec::new();
    loop {
        digits.insert(0, char::from(DIGITS[rest % 62]));
        rest /= 62;
        if rest == 0 {
            return format!("B{}_", digits.iter().collect::<String>());
        }
    }
}

/// The name of a Rust function whose parts are a path of so many empty names and, so many times, a tuple of the last part
/// twice. Demangled, it would have more letters than there are atoms, and each would take a walk along that path.
fn endless_name(empty: usize, tuples: usize) -> String {
    let mut name = "INvC1a1f".to_owned();
    let mut last = name.len();
    name.push_str(&format!("{}C0{}", "Nv".repeat(empty), "0".repeat(empty)));
    for _ in 0..tuples {
        let place = name.len();
        name.push_str(&format!("T{0}{0}E", reference(last)));
        last = place;
    }
    format!("_R{name}E")
}

/// A handler that traps in the depth of a function of this name.
fn traps_in(name: &str) -> Vec<u8> {
    handler(&format!(
        r#"{EXPORTS}
        (func ${name} (param i32)
            (if (i32.eqz (local.get 0)) (then unreachable))
            (call ${name} (i32.sub (local.get 0) (i32.const 1))))
        (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
            (call ${name} (i32.const 30)) (i32.const 12))"#
    ))
}

/// None of it took long, and what it took is on the receipts: for that see [`AttackResults`].
fn was_cheap(results: &AttackResults) {
    results.each(|_, receipt| assert!(receipt["cpuMs"].as_f64() < Some(MOST_CPU_MS), "{receipt}"));
}

fn of_names(name: &str) -> Attack {
    bytes(traps_in(name), "wasm").limit("cpu_time", "50ms").limit("wall_time", "1000ms")
}

#[test]
fn names_of_functions_that_would_be_endless() {
    // A long one, and one that is short enough to be tried.
    for (empty, tuples) in [(470, 60), (60, 30)] {
        let name = endless_name(empty, tuples);
        let results = of_names(&name).fails("Function.Trap");
        results.each(|answer, _| {
            let trace = answer.json()["stackTrace"].clone();
            assert_eq!(trace.as_array().map(Vec::len), Some(20));
            assert_eq!(trace[0], name[..name.len().min(1024)], "as it is");
        });
        was_cheap(&results);
    }
}

#[test]
fn endless_names_do_not_keep_a_neighbour_waiting() {
    let stage = of_names(&endless_name(470, 60)).stage_of(8);
    for _ in 0..5 {
        let hostile: Vec<_> = (0..4).map(|_| stage.api.queue(Event::json("1").tenant("mallory"))).collect();
        let answer = stage.api.send(Event::json("null").tenant("alice"));
        assert_eq!(answer.text(), ALICE);
        let took = answer.answered - answer.delivered;
        assert!(took < Duration::from_secs(2), "the neighbour waited {took:?}");
        hostile.into_iter().for_each(|event| assert_error(&stage.api.answer(event), "Function.Trap"));
    }
}

fn request(path: &str) -> String {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": { "host": "a.lambda-url.eu-west-1.on.aws" },
        "requestContext": { "domainName": "a.lambda-url.eu-west-1.on.aws", "http": { "method": "GET", "path": path } },
        "isBase64Encoded": false
    })
    .to_string()
}

#[test]
fn an_error_of_a_service_that_is_as_long_as_one_call_takes() {
    let attack = guest("web_after").events(&[request("/error")]).limit("memory", "128MiB");
    let results = attack.limit("cpu_time", "4000ms").fails("Function.NoHttpResponse");
    results.each(|answer, _| {
        let message = answer.json()["errorMessage"].to_string();
        assert!(message.contains("InternalError") && message.contains("u{1}"), "{message}");
        assert!(answer.body.len() < 4096, "{} bytes", answer.body.len());
    });
    let peak = results.stage.running.peak_rss();
    assert!(peak < 200 << 20, "the host took {peak} bytes");
}

#[test]
fn headers_have_a_limit_of_their_own() {
    let results = guest("web_after").events(&[request("/headers")]).fails("Function.HeaderLimitExceeded");
    results.each(|answer, _| assert!(answer.text().contains("exceeded 64 KiB"), "{}", answer.text()));
}

#[test]
fn more_than_check_write_permits_is_a_trap() {
    let writes = |stream: &str, bytes: usize| {
        let attack = guest("overwrite").grants("tmp = \"1MiB\"");
        attack.events(&[json!([stream, bytes]).to_string()])
    };
    for stream in ["stdout", "stderr", "file"] {
        let results = writes(stream, 65_537).fails("Function.Trap");
        results.each(|answer, _| {
            let text = "wrote 65537 bytes in one call, but `check-write` permitted 65536";
            assert!(answer.text().contains(text), "{}", answer.text());
        });
        assert!(results.records().iter().all(|record| !record.contains("xxx")), "it was not taken");
    }
    for stream in ["stdout", "file"] {
        writes(stream, 65_536).replies("true");
    }
}

#[test]
fn a_limit_of_one_call_has_its_unit() {
    let results =
        wat("write_huge.wat").limit("memory", "32MiB").hits("Function.HostcallLimitExceeded", "hostcall");
    results.each(|answer, _| {
        assert!(answer.text().contains("exceeded its limit of 16 MiB for `hostcall`"), "{}", answer.text());
    });
}

#[test]
fn a_failure_with_as_many_frames_as_one_call_takes() {
    let results = wat("failure_frames.wat").run();
    was_cheap(&results);
}
