//! What is loaded, and what is refused with which text.

use super::*;
use crate::engine::{self, Reset, Target};

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn load_text(wat: &str) -> Result<Loaded, ComponentError> {
    let (engine, _) = engine::start(1).unwrap();
    let imports = crate::capabilities::imports(&engine).unwrap();
    let file = tempfile::NamedTempFile::with_suffix(".wasm").unwrap();
    std::fs::write(file.path(), wat::parse_str(wat).unwrap()).unwrap();
    compile(&engine, &imports, file.path())
}

#[test]
fn what_is_no_handler_is_named() {
    for (wat, text) in [
        ("(module)", "wasm32-wasip2"),
        (
            r#"(component (instance $i) (export "wasi:keyvalue/watcher@0.2.0" (instance $i)))"#,
            "that this version does not run",
        ),
        (
            r#"(component (instance $i) (export "bulkhead:lambda/streaming-handler@0.1.0" (instance $i)))"#,
            "the `handle` of its bulkhead:lambda/streaming-handler@0.1.0 takes or returns something else",
        ),
        ("(component)", "does not export bulkhead:lambda/handler@0.1.0"),
        (
            r#"(component (instance $i) (export "wasi:http/incoming-handler@0.2.6" (instance $i)))"#,
            "the `handle` of its wasi:http/incoming-handler@0.2.6 takes or returns something else",
        ),
        (
            r#"(component
                    (core module $m (func (export "run") (result i32) i32.const 0))
                    (core instance $m (instantiate $m))
                    (func $run (result u32) (canon lift (core func $m "run")))
                    (instance $i (export "run" (func $run))) (export "wasi:cli/run@0.2.0" (instance $i)))"#,
            "the `run` of its wasi:cli/run@0.2.0 takes or returns something else",
        ),
        (
            r#"(component (instance $i) (export "bulkhead:lambda/handler@0.2.0" (instance $i)))"#,
            "use matching versions",
        ),
        (
            r#"(component (instance $i) (export "bulkhead:lambda/handler@0.1.0" (instance $i)))"#,
            "something else than that interface defines; build it with that interface",
        ),
    ] {
        let error = load_text(wat).unwrap_err().to_string();
        assert!(error.contains(text) && error.contains(".wasm: "), "{error}");
    }
}

#[test]
fn a_program_is_a_command_in_whichever_release_of_wasi_it_was_built_for() {
    let module = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
    assert_eq!(load_text(module).unwrap().kind(), Kind::Command);
    for version in ["0.2.0", "0.2.6", "0.2.99"] {
        let loaded = load_text(&format!(
            r#"(component
                    (core module $m (func (export "run") (result i32) i32.const 0))
                    (core instance $m (instantiate $m))
                    (func $run (result (result)) (canon lift (core func $m "run")))
                    (instance $i (export "run" (func $run))) (export "wasi:cli/run@{version}" (instance $i)))"#
        ));
        assert_eq!(loaded.unwrap().kind(), Kind::Command, "{version}");
    }
}

/// A component that is not a handler, and needs this much.
fn needing(memories: usize, tables: usize, instances: usize) -> String {
    let memories = "(memory 0)".repeat(memories);
    let tables = "(table 0 funcref)".repeat(tables);
    let instance = "(core instance (instantiate $m))";
    format!("(component (core module $m {memories} {tables}) {})", instance.repeat(instances))
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn refused(engine: &Engine, wat: &str) -> String {
    let imports = crate::capabilities::imports(engine).unwrap();
    let wasm = wat::parse_str(wat).unwrap();
    let compiled =
        compile_ready(engine, &imports, &wasm, &wasm, Path::new("a.wasm")).unwrap_err().to_string();
    // A compiled component is not seen by a compiler again.
    let file = tempfile::NamedTempFile::with_suffix(".cwasm").unwrap();
    let cwasm = wasm::compile(&wasm, &wasm, Target::host().unwrap()).unwrap();
    std::fs::write(file.path(), cwasm).unwrap();
    let mapped = map(engine, &imports, file.path(), None).unwrap_err().about(Path::new("a.wasm"));
    assert_eq!(mapped.to_string(), compiled);
    compiled
}

#[test]
fn what_takes_more_than_one_sandbox_s_share_is_refused_with_the_numbers_however_memory_is_had() {
    let share = engine::Share::default();
    let large = format!(
        "(component (core module $m {}) (core instance (instantiate $m)))",
        "(global i64 (i64.const 0))".repeat(70_000)
    );
    for engine in [engine::start(1).unwrap().0, engine::start_on_demand(share).unwrap()] {
        for (wat, expected) in [
            (needing(3, 0, 5), "15 Wasm linear memories, which exceeds the configured maximum of 8"),
            (needing(9, 0, 1), "defined memories count of 9 exceeds"),
            (needing(0, 6, 30), "180 tables, which exceeds the configured maximum of 32"),
            (needing(0, 33, 1), "defined tables count of 33 exceeds"),
            (needing(0, 0, 41), "41 core module instances, which exceeds the configured maximum of 40"),
            (needing(0, 1, 1).replace("table 0", "table 100001"), "minimum element size of 100001"),
            (large.clone(), "which exceeds the configured maximum of 1048576 bytes"),
        ] {
            let text = refused(&engine, &wat);
            assert!(text.starts_with("a.wasm: it takes more than one sandbox may have: "), "{text}");
            assert!(text.contains(expected) && text.contains("a sandbox has room for 8 memories"), "{text}");
        }
        // Everything else fits, so it is rejected because it is not a handler.
        for fits in [needing(4, 0, 2), needing(0, 16, 2), needing(0, 0, 40)] {
            let text = refused(&engine, &fits);
            assert!(text.contains("does not export bulkhead:lambda/handler"), "{text}");
        }
    }
}

#[test]
fn a_limit_that_is_raised_raises_what_fits() {
    let mut policy = crate::policy::Policy::default_for("hello");
    (policy.limits.instances, policy.limits.table_entries) = (100, 200_000);
    let (engine, _) = engine::start_for(2, engine::Share::largest([&policy])).unwrap();
    for fits in [needing(0, 0, 100), needing(0, 1, 1).replace("table 0", "table 200000")] {
        assert!(refused(&engine, &fits).contains("does not export bulkhead:lambda/handler"));
    }
    assert!(refused(&engine, &needing(0, 0, 101)).contains("maximum of 100"));
}

#[test]
fn a_description_has_the_names_of_both_sides() {
    let (engine, _) = engine::start(1).unwrap();
    let wat = r#"(component
            (import "wasi:cli/environment@0.2.6" (instance)) (import "acme:missing/thing@1.0.0" (instance))
            (instance $i) (export "wasi:cli/run@0.2.6" (instance $i)))"#;
    let component = Component::from_binary(&engine, &wat::parse_str(wat).unwrap()).unwrap();
    let Description { exports, imports } = Description::of(&engine, &component);
    assert_eq!(exports, ["wasi:cli/run@0.2.6"]);
    assert_eq!(imports, ["wasi:cli/environment@0.2.6", "acme:missing/thing@1.0.0"]);
}

#[test]
fn an_error_can_be_told_of_the_file_that_people_know() {
    let error = load_text("(component)").unwrap_err().about(Path::new("in/hello.wasm"));
    assert!(error.to_string().starts_with("in/hello.wasm: it does not export "), "{error}");
}

#[test]
fn an_unknown_import_is_named() {
    let error = load_text(
        r#"(component
                (import "acme:missing/thing@1.0.0" (instance (export "f" (func))))
                (instance $i) (export "bulkhead:lambda/handler@0.1.0" (instance $i)))"#,
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("acme:missing/thing@1.0.0"), "{error}");
}

#[test]
fn a_stamp_does_not_vouch_for_an_image_that_is_none() {
    let (engine, _) = engine::start(1).unwrap();
    let imports = crate::capabilities::imports(&engine).unwrap();
    let file = tempfile::NamedTempFile::with_suffix(".cwasm").unwrap();
    let stamp = Stamp::new(b"no ELF", b"", Target::host().unwrap(), Reset::default());
    std::fs::write(file.path(), [&b"no ELF"[..], &stamp.to_bytes()].concat()).unwrap();
    let error = map(&engine, &imports, file.path(), None).unwrap_err().to_string();
    assert!(error.contains("the engine rejects it"), "{error}");
}
