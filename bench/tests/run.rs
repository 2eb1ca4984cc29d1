//! A small run of the benchmark: native programs take the place of the bootstraps, and their components are
//! never read.

use std::fs;
use std::process::Command;

use bulkhead_bench::store::function::Function;
use bulkhead_tests::Bootstrap;
use serde_json::Value;

#[test]
fn a_small_run_makes_all_tables() {
    let folder = tempfile::tempdir().unwrap();
    for handler in ["hello", "echo", "faulty"] {
        for end in ["wasm", "cwasm"] {
            fs::write(folder.path().join(format!("{handler}.{end}")), "").unwrap();
        }
    }
    let (json, svg) = (folder.path().join("out/results.json"), folder.path().join("out/chart.svg"));
    let output = Command::new(env!("CARGO_BIN_EXE_bulkhead-bench"))
        .args(["--native", env!("CARGO_BIN_EXE_native"), "--lean", env!("CARGO_BIN_EXE_native-one-thread")])
        .args(["--native-one-thread", env!("CARGO_BIN_EXE_native-one-thread")])
        .args(["--full", env!("CARGO_BIN_EXE_native"), "--floor", env!("CARGO_BIN_EXE_floor")])
        .args(["--rounds", "1", "--starts", "1", "--events", "20", "--faults", "1"])
        .args(["--only", "start,hello,echo,concurrency,rate,rest,faults"])
        .args(["--rate", "2000", "--rest", "0.05", "--rests", "1"])
        .arg("--components")
        .arg(folder.path())
        .arg("--json")
        .arg(&json)
        .arg("--svg")
        .arg(&svg)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));

    let results: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let tables: Vec<&str> =
        results["tables"].as_array().unwrap().iter().map(|table| table["id"].as_str().unwrap()).collect();
    let echoes = ["echo-100b", "echo-10kb", "echo-1mb", "echo-6mb"];
    let loads = ["at-once-1", "at-once-8", "at-once-64"];
    let in_time = ["rate", "rest"];
    let faults = ["fault-panic", "fault-exit", "fault-stuck"];
    assert_eq!(tables, [&["start", "hello-100b"], &echoes[..], &loads, &in_time, &faults].concat());
    assert_eq!(results["targets"].as_array().unwrap().len(), 7);
    assert!(fs::read_to_string(svg).unwrap().contains("64 at once"));
    for part in
        ["hello, 64 at once", "hello, 2000 a second", "hello, after 0.05 s of rest", "…, to one thread"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    // Both forms of `lambda_runtime` ask for as many events as there are calls.
    let busy =
        &results["tables"].as_array().unwrap().iter().find(|table| table["id"] == "at-once-64").unwrap();
    let calls = &busy["metrics"][0];
    assert_eq!(calls["name"], "calls for an event at once");
    assert_eq!([0, 1].map(|form| calls["contestants"][form]["median"].as_f64()), [Some(64.0); 2]);
}

#[test]
fn two_builds_are_compared_with_each_other() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hello.cwasm"), "").unwrap();
    let run = |only: &str| {
        let mut bench = Command::new(env!("CARGO_BIN_EXE_bulkhead-bench"));
        bench.args(["--rounds", "1", "--events", "20", "--only", only]);
        bench.args([
            "--before",
            env!("CARGO_BIN_EXE_native"),
            "--lean",
            env!("CARGO_BIN_EXE_native-one-thread"),
        ]);
        bench.arg("--components").arg(folder.path()).arg("--before-components").arg(folder.path());
        bench.output().unwrap()
    };
    let output = run("hello,concurrency");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let heading = text.lines().find(|line| line.starts_with("| hello, 8 at once")).unwrap();
    let columns: Vec<&str> = heading.split('|').map(str::trim).collect();
    assert_eq!(columns[3..5], ["before", "after"]);
    assert!(!text.contains("MISSED") && !text.contains("not measured"), "two builds have no targets: {text}");

    let refused = run("fairness");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("compare settings of one build"));
}

#[test]
fn a_wrong_answer_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hello.wasm"), "").unwrap();
    fs::write(folder.path().join("hello.cwasm"), "").unwrap();
    let floor = env!("CARGO_BIN_EXE_floor");
    // Without the file `answer` in its task root, a floor in place of a bootstrap returns the event.
    let output = Command::new(env!("CARGO_BIN_EXE_bulkhead-bench"))
        .args([
            "--native",
            floor,
            "--native-one-thread",
            floor,
            "--floor",
            floor,
            "--lean",
            floor,
            "--full",
            floor,
        ])
        .args(["--only", "hello", "--rounds", "1", "--components"])
        .arg(folder.path())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("bulkhead, .cwasm failed") && error.contains("a wrong answer"), "{error}");
}

#[test]
fn a_fleet_is_simulated_the_same_way_each_time() {
    let run = || {
        let mut fleet = Command::new(env!("CARGO_BIN_EXE_fleet"));
        fleet.args(["--tenants", "500", "--environments", "20", "--rate", "40", "--life", "0.1"]);
        let output = fleet.args(["--sample", "2", "--exponents", "1.0,0.5"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run();
    assert_eq!(text, run());
    for part in
        ["| s = 0.5, own component ", "| refresh = 60 s ", "without `recompile`", "tenant isolation mode"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_function_gets_one_event_after_the_other() {
    // Like Bulkhead, and unlike a client with a pool, it keeps to one connection.
    let mut function = Function::start(Bootstrap::at(env!("CARGO_BIN_EXE_floor"))).unwrap();
    assert!(function.start_time() > 0.0 && function.memory().unwrap() > 0.1);
    for tenant in ["acme", "globex"] {
        assert!(function.event(tenant).unwrap() > 0.0);
    }
    assert_eq!(function.events(), 2);
    // Another program than Bulkhead writes none.
    assert_eq!(function.receipts().unwrap_err().to_string(), "0 receipts for 2 events");
}
