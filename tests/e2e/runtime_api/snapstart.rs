//! SnapStart (R6.1–R6.7): what is done before the snapshot, what after it, and in which order.

use bulkhead_tests::{Bootstrap, RuntimeApi, SeenRequest, TaskRoot};

use crate::stage::Stage;

/// A bootstrap that has asked for its snapshot.
fn snapshotted(root: TaskRoot) -> Stage {
    let stage =
        Stage::begun(RuntimeApi::start(), root, |bootstrap| with_snapstart(bootstrap).handler("echo"));
    stage.api.wait_seen("/runtime/restore/next");
    stage
}

/// As R6.6 has it: without the names of log group and stream.
fn with_snapstart(bootstrap: Bootstrap) -> Bootstrap {
    bootstrap
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
        .env_remove("AWS_LAMBDA_LOG_GROUP_NAME")
        .env_remove("AWS_LAMBDA_LOG_STREAM_NAME")
}

fn paths(stage: &Stage) -> Vec<String> {
    let runtime = |seen: SeenRequest| seen.path.strip_prefix("/2018-06-01/runtime").map(str::to_owned);
    stage.api.seen().into_iter().filter_map(runtime).collect()
}

#[test]
fn r6_2_init_then_restore_then_events_on_a_new_connection() {
    let mut stage = snapshotted(TaskRoot::new().with("echo"));
    assert_eq!(paths(&stage), ["/restore/next"]);
    stage.api.restore(200);
    stage.answers("1", "1");
    stage.api.wait_idle();
    let paths = paths(&stage);
    assert_eq!(paths[..2], ["/restore/next", "/invocation/next"]);
    assert!(paths[2].ends_with("/response"), "{paths:?}");
    let seen = stage.api.seen();
    assert!(seen.iter().skip(1).all(|later| later.connection != seen[0].connection), "{seen:?}");
}

#[test]
fn r6_1_nobody_else_asks_to_be_restored() {
    let mut stage = Stage::of("echo");
    stage.answers("1", "1");
    assert!(!paths(&stage).iter().any(|path| path.contains("restore")));
}

#[test]
fn r6_3_a_restore_that_fails_ends_the_process() {
    let mut stage = snapshotted(TaskRoot::new().with("echo"));
    stage.api.restore(500);
    assert_eq!(stage.running.exit_code(), 1);
    assert!(stage.running.logs().contains("GET /runtime/restore/next: the Runtime API answered 500"));
    assert_eq!(paths(&stage), ["/restore/next"]);
}

#[test]
fn r6_3_init_that_fails_is_told_before_the_snapshot() {
    let root = TaskRoot::new().file("echo.wasm", b"not wasm");
    let mut stage =
        Stage::begun(RuntimeApi::start(), root, |bootstrap| with_snapstart(bootstrap).handler("echo"));
    assert_eq!(stage.running.exit_code(), 1);
    assert_eq!(paths(&stage), ["/init/error"]);
}

#[test]
fn the_snapshot_holds_every_component() {
    let toml = "[handlers.echo]\n[handlers.context]\n[tenants.a]\nhandler = 'echo'\n[tenants.b]\nhandler = 'context'";
    let root = TaskRoot::new().manifest(toml).with_compiled("echo").with_compiled("context");
    let stage = snapshotted(root);
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", stage.running.pid())).expect("read the maps");
    for file in ["echo.cwasm", "context.cwasm"] {
        assert!(maps.contains(file), "{file} is not mapped:\n{maps}");
    }
    stage.api.restore(200);
    stage.api.wait_idle();
}
