//! A small run of the benchmark: native programs take the place of the bootstraps, and their components are
//! never read.

use std::fs;
use std::process::Command;

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
        .args(["--only", "start,hello,echo,concurrency,faults"])
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
    let faults = ["fault-panic", "fault-exit", "fault-stuck"];
    assert_eq!(tables, [&["start", "hello-100b"], &echoes[..], &loads, &faults].concat());
    assert_eq!(results["targets"].as_array().unwrap().len(), 9);
    assert!(fs::read_to_string(svg).unwrap().contains("64 at once"));
    assert!(text.contains("hello, 64 at once"), "{text}");
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
