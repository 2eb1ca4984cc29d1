//! Core modules whose description of their world ends whoever reads it. `bulkhead compile` and `inspect` have it read apart, and go
//! on to say so.

use serde_json::json;

use crate::project::Folder;
use crate::wat;

/// Two packages that need each other: what sorts them calls itself until its stack is used up.
const CIRCLE: &str = r#"(component
    (@custom "wit-component-encoding" "\04\00")
    (type $outer (component
        (type $world (component
            (type $w (instance (type (list u8)) (export "t" (type (eq 0)))))
            (import "a:a/w" (instance $aw (type $w)))
            (alias export $aw "t" (type $at))
            (type $z (instance (alias outer 1 $at (type $t)) (export "t" (type (eq $t)))))
            (import "b:b/z" (instance (type $z)))
            (type $y (instance (type (list u8)) (export "t" (type (eq 0)))))
            (import "b:b/y" (instance $by (type $y)))
            (alias export $by "t" (type $bt))
            (type $x (instance (alias outer 1 $bt (type $t)) (export "t" (type (eq $t)))))
            (import "a:a/x" (instance (type $x)))))
        (export "c:c/circle" (component (type $world)))))
    (export "circle" (type $outer)))"#;

/// A program for WASI preview 1 with that in it.
fn module(world: &[u8]) -> Vec<u8> {
    let data: String = world.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(r#"(module (func (export "_start")) (@custom "component-type:circle" "{data}"))"#);
    wat::assemble(&text)
}

#[test]
fn a_world_that_ends_its_reader_ends_that_alone() {
    let folder = Folder::new();
    let circle = module(&wat::assemble(CIRCLE));
    std::fs::write(folder.path().join("circle.wasm"), circle).expect("write the module");
    let compiled = folder.bulkhead(&["compile", "circle.wasm"]);
    assert_eq!(compiled.code, 1, "{}", compiled.stderr);
    let wanted = "circle.wasm: this is a core module, not a component, and cannot be adapted: the description of its \
                  world cannot be read: the process that tried ended with signal: 6 (SIGABRT)";
    assert!(compiled.stderr.contains(wanted), "{}", compiled.stderr);
    assert!(!folder.path().join("circle.cwasm").exists());
    let inspected = folder.bulkhead(&["inspect", "circle.wasm", "--json"]);
    assert_eq!(inspected.code, 1, "{}", inspected.stderr);
    let report = inspected.json();
    assert_eq!((&report["form"], &report["runs"]), (&json!("coreModule"), &json!(false)));
    assert!(report["reason"].to_string().contains("the description of its world cannot be read"), "{report}");
}

#[test]
fn a_world_that_can_be_read_is_read_as_before() {
    let folder = Folder::new();
    let handler = wat::with_world(
        wat::assemble(&format!("(module {} {})", wat::EXPORTS, wat::REPLY)),
        "bulkhead:lambda/lambda",
    );
    std::fs::write(folder.path().join("lambda.wasm"), handler).expect("write the module");
    let compiled = folder.bulkhead(&["compile", "lambda.wasm"]);
    compiled.succeeded();
    assert!(compiled.stderr.contains("it was made into a component"), "{}", compiled.stderr);
    let report = folder.bulkhead(&["inspect", "lambda.wasm", "--json"]);
    assert_eq!(report.succeeded().json()["kind"], "handler");
    // No world at all.
    std::fs::write(folder.path().join("odd.wasm"), module(b"?")).expect("write the module");
    let refused = folder.bulkhead(&["compile", "odd.wasm"]);
    assert_eq!((refused.code, refused.stderr.matches("odd.wasm").count()), (1, 1), "{}", refused.stderr);
    assert!(refused.stderr.contains("decoding custom section"), "{}", refused.stderr);
}

#[test]
fn a_type_that_is_very_deep_is_refused() {
    let lists: String = (0..100_000).map(|at| format!("(type (list {at}))\n")).collect();
    let deep = format!(
        r#"(component
            (@custom "wit-component-encoding" "\04\00")
            (type $outer (component
                (type $world (component
                    (type $i (instance (type (list u8)) {lists} (export "t" (type (eq 100000)))))
                    (import "a:a/i" (instance (type $i)))))
                (export "c:c/deep" (component (type $world)))))
            (export "deep" (type $outer)))"#
    );
    let folder = Folder::new();
    std::fs::write(folder.path().join("deep.wasm"), module(&wat::assemble(&deep))).expect("write the module");
    let refused = folder.bulkhead(&["compile", "deep.wasm"]);
    assert!(refused.code == 1 && refused.stderr.contains("cannot be adapted: "), "{}", refused.stderr);
}
