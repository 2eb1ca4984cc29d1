//! A zip for arm64: the bootstrap in it is cross-built, and runs here under qemu. What must hold on the processor that tests
//! usually run on must hold there too, above all what rests on code that is made for a processor: traps, epochs, stacks.

use std::path::Path;
use std::process::{Command, Output};

use bulkhead_tests::{Answer, Bootstrap, Event, Kind, Running, RuntimeApi, TaskRoot, artifacts};
use serde_json::json;
use tempfile::TempDir;

use crate::stage::assert_error;
use crate::unzip::unzip;

/// Enough under qemu on a machine that does other things too.
const LIMITS: &str = "[limits]\ncpu_time = '1s'\nwall_time = '20s'\nmemory = '64MiB'\n";

/// A bootstrap for arm64 that runs what is in its zip.
struct Arm {
    api: RuntimeApi,
    running: Running,
    _root: TempDir,
}

impl Arm {
    /// Packages a guest and starts what lies in the zip; `None`, with a warning, if that is not possible.
    fn of(guest: &str, manifest: &str) -> Option<Self> {
        let (bootstrap, runner) = (artifacts::arm64_bootstrap()?, artifacts::arm64_runner()?);
        let root = packaged(TaskRoot::new().with(guest).manifest(manifest).path(), &bootstrap);
        let api = RuntimeApi::start();
        let bootstrap = Bootstrap::at(root.path().join("bootstrap")).through(&runner);
        let running = bootstrap.task_root(root.path()).handler(guest).api(&api).spawn();
        api.wait_idle();
        Some(Self { api, running, _root: root })
    }

    fn send(&self, json: &str) -> Answer {
        self.api.send(Event::json(json))
    }

    /// The event fails with this, and the next one does not.
    fn fails(&mut self, json: &str, error_type: &str) -> Answer {
        let answer = self.send(json);
        assert_error(&answer, error_type);
        self.still_answers();
        answer
    }

    /// The same process answers as if nothing had been.
    fn still_answers(&mut self) {
        let answer = self.send(r#""ping""#);
        assert_eq!((answer.kind, answer.text()), (Kind::Response, "ping"));
        assert!(self.running.is_alive(), "another process answered");
        assert_eq!(self.api.violations(), [] as [String; 0]);
    }
}

fn packaged(root: &Path, bootstrap: &Path) -> TempDir {
    packaged_and_told(root, bootstrap).0
}

fn packaged_and_told(root: &Path, bootstrap: &Path) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let zip = folder.path().join("function.zip");
    let mut package = Command::new(artifacts::cli());
    package.arg("package").arg(root).args(["--arch", "arm64", "--bootstrap"]).arg(bootstrap);
    let Output { status, stderr, .. } = package.arg("-o").arg(&zip).output().expect("run `bulkhead package`");
    let told = String::from_utf8_lossy(&stderr).into_owned();
    assert!(status.success(), "{told}");
    (unzip(&zip), told)
}

#[test]
fn code_for_this_machine_is_no_news_unless_work_was_done_ahead_in_it() {
    let Some(bootstrap) = artifacts::arm64_bootstrap().filter(|_| cfg!(target_arch = "x86_64")) else {
        return;
    };
    let built = TaskRoot::new().with("hello").with_compiled("hello");
    let (_, told) = packaged_and_told(built.path(), &bootstrap);
    assert!(!told.contains("compiled again"), "{told}");
    let ahead = TaskRoot::new().with("init");
    assert!(ahead.compile("init", "init.cwasm", &["--preinit"]).status.success());
    let (_, told) = packaged_and_told(ahead.path(), &bootstrap);
    assert!(told.contains("was made with --preinit for another processor"), "{told}");
}

#[test]
fn an_event_is_answered_and_leaves_its_receipt() {
    let Some(arm) = Arm::of("hello", LIMITS) else { return };
    let answer = arm.send(r#"{"name": "arm64"}"#);
    assert_eq!((answer.kind, answer.json()), (Kind::Response, json!({ "message": "Hello arm64!" })));
    arm.api.wait_idle();
    let receipts = arm.running.receipts();
    assert_eq!((receipts.len(), &receipts[0]["outcome"]), (1, &json!("Replied")));
}

#[test]
fn a_panic_costs_its_event_and_names_its_place() {
    let Some(mut arm) = Arm::of("mixed", LIMITS) else { return };
    let answer = arm.fails(r#""panic""#, "Function.Panic");
    assert!(answer.text().contains("as asked"), "{}", answer.text());
    arm.fails(r#""abort""#, "Function.Trap");
}

#[test]
fn a_loop_without_end_is_ended() {
    let Some(mut arm) = Arm::of("mixed", LIMITS) else { return };
    arm.fails(r#""spin""#, "Function.CpuLimitExceeded");
    let Some(mut arm) = Arm::of("mixed", "[limits]\nwall_time = '1s'\n") else { return };
    arm.fails(r#""spin""#, "Function.Timeout");
}

#[test]
fn a_memory_bomb_and_a_stack_overflow_are_refused() {
    let Some(mut arm) = Arm::of("mixed", LIMITS) else { return };
    arm.fails(r#""bomb""#, "Function.OutOfMemory");
    let Some(arm) = Arm::of("stack_overflow", LIMITS) else { return };
    assert_error(&arm.send("1"), "Function.StackOverflow");
    assert_error(&arm.send("1"), "Function.StackOverflow");
}
