//! Code for the processor that this machine has not, by the command that ships, which compiles for both.

use bulkhead_tests::TaskRoot;

use crate::guests::precompiled::{assert_refused, both, stderr};

fn other() -> &'static str {
    if cfg!(target_arch = "x86_64") { "aarch64" } else { "x86_64" }
}

#[test]
fn it_is_refused_by_name() {
    let root = TaskRoot::new();
    let output = root.compile("echo", "echo.cwasm", &["--target", other()]);
    assert!(output.status.success(), "{}", stderr(&output));
    for bootstrap in both() {
        assert_refused(&bootstrap, &root, &["echo.cwasm", other()]);
    }
}

#[test]
fn it_is_compiled_only_from_what_a_bootstrap_could_run() {
    let root = TaskRoot::new();
    let output = root.compile("unknown_import", "odd.cwasm", &["--target", other()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("acme:db/query@1.0.0"), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "nothing is left behind");
}
