use bulkhead_host::engine::Target;
use bulkhead_host::engine::artifact::Stamp;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::*;

/// A handler whose init does `body`, in a module with these other `fields` and this import of the host's.
fn component(fields: &str, body: &str, import: &str) -> Vec<u8> {
    component_with("1", fields, body, import)
}

/// The same with these limits of its memory, in pages.
fn component_with(pages: &str, fields: &str, body: &str, import: &str) -> Vec<u8> {
    let module = format!(
        r#"(module
            {fields}
            (memory (export "memory") {pages})
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) i32.const 16)
            (func (export "bulkhead:lambda/initializer@0.1.0#initialize") (result i32) {body} i32.const 16))"#
    );
    let mut wasm = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/wit")).unwrap();
    let (random, monotonic) = (
        "package wasi:random@0.2.0; interface random { get-random-u64: func() -> u64; }",
        "package wasi:clocks@0.2.0; interface monotonic-clock { now: func() -> u64; resolution: func() -> u64; }",
    );
    for wit in [random, monotonic] {
        resolve.push_str("wasi.wit", wit).unwrap();
    }
    let world = format!(
        "package a:b; world w {{ {import} export bulkhead:lambda/handler@0.1.0; \
         export bulkhead:lambda/initializer@0.1.0; }}"
    );
    let package = resolve.push_str("world.wit", &world).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&wasm).unwrap().encode().unwrap()
}

fn options() -> Options {
    Options { preinit: true, init_time: Duration::from_secs(10), ..Options::default() }
}

fn run(options: &Options, wasm: &[u8]) -> Result<Ready, String> {
    let done = options.run(wasm, Path::new("in.wasm")).map_err(|error| format!("{error:#}"))?;
    Ok(done.expect("it was wanted"))
}

/// What the init of a component leaves when it is run.
fn left(wasm: &[u8]) -> Vec<Value> {
    let wizer = Wizer::new();
    let (_, readable) = wizer.instrument_component(wasm).unwrap();
    let runner = InitRunner::new(options().rules());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(runner.run(&readable, ACCESS)).unwrap().into_values().collect()
}

#[test]
fn memories_and_variables_of_every_type_are_kept() {
    let fields = "(global $a (mut i32) (i32.const 40)) (global $b (mut i64) (i64.const 50))
        (global $c (mut f32) (f32.const 0.5)) (global $d (mut f64) (f64.const 0.25))";
    // Each run adds to what was there, so that a second one tells what the first one left.
    let body = "(global.set $a (i32.add (global.get $a) (i32.const 1)))
        (global.set $b (i64.add (global.get $b) (i64.const 1)))
        (global.set $c (f32.add (global.get $c) (f32.const 1)))
        (global.set $d (f64.add (global.get $d) (f64.const 1)))
        (i32.store8 (i32.const 5000) (i32.add (i32.load8_u (i32.const 5000)) (i32.const 7)))
        (drop (memory.grow (i32.const 2)))";
    let once = component(fields, body, "");
    let ready = run(&options(), &once).unwrap();
    assert_eq!(ready.memory, 3 * 65_536);
    let twice = left(&ready.wasm);
    let expected =
        [Value::I32(42), Value::I64(52), Value::F32(2.5_f32.to_bits()), Value::F64(2.25_f64.to_bits())];
    for value in expected {
        assert!(twice.contains(&value), "{value:?}");
    }
    let memories: Vec<&Vec<u8>> = twice
        .iter()
        .filter_map(|value| if let Value::Memory(bytes) = value { Some(bytes) } else { None })
        .collect();
    assert_eq!((memories.len(), memories[0].len(), memories[0][5000]), (1, 5 * 65_536, 14));
}

#[test]
fn nothing_is_run_unless_it_is_wanted() {
    let trap = component("", "unreachable", "");
    assert!(Options::default().run(&trap, Path::new("in.wasm")).unwrap().is_none());
    let error = run(&options(), &trap).unwrap_err();
    assert!(error.starts_with("in.wasm: its init did not return: wasm trap: wasm `unreachable`"), "{error}");
}

#[test]
fn what_would_be_the_same_in_every_sandbox_is_refused_by_name() {
    for (interface, function, text, allowed) in [
        (
            "wasi:random/random@0.2.0",
            "get-random-u64",
            "asked for random bytes",
            Options { allow_random: true, ..options() },
        ),
        (
            "wasi:clocks/monotonic-clock@0.2.0",
            "now",
            "asked for the time",
            Options { allow_clock: true, ..options() },
        ),
        (
            "wasi:clocks/monotonic-clock@0.2.0",
            "resolution",
            "asked for the time",
            Options { allow_clock: true, ..options() },
        ),
    ] {
        let field = format!(r#"(import "{interface}" "{function}" (func $f (result i64)))"#);
        let wasm = component(&field, "(drop (call $f))", &format!("import {interface};"));
        let error = run(&options(), &wasm).unwrap_err();
        assert!(error.contains(text), "{function}: {error}");
        run(&allowed, &wasm).unwrap();
    }
}

#[test]
fn what_a_snapshot_cannot_hold_is_named_with_what_to_do() {
    let init = r#"(instance $i) (export "bulkhead:lambda/initializer@0.1.0" (instance $i))"#;
    let table = "(core module (table 1 funcref) (func (table.set (i32.const 0) (ref.null func))))";
    for (parts, cause, advice) in [
        (table, "`table.set`", "function tables that change"),
        ("(core module (memory 1) (data $d \"x\") (func (data.drop $d)))", "`data.drop`", "passive data"),
        (
            "(core module $m) (core instance (instantiate $m)) (core instance (instantiate $m))",
            "at most once",
            "composed",
        ),
        ("(component (core module))", "nested components", "composed"),
        ("(core module (global (mut funcref) (ref.null func)))", "reference type", "function tables"),
    ] {
        let wasm = wat::parse_str(format!("(component {parts} {init})")).unwrap();
        let error = run(&options(), &wasm).unwrap_err();
        for part in ["in.wasm: the component cannot be preinitialised: ", cause, advice, "without --preinit"]
        {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
    }
}

#[test]
fn an_interface_that_is_another_is_refused() {
    let wasm = r#"(component (instance $i) (export "bulkhead:lambda/initializer@0.1.0" (instance $i)))"#;
    let error = run(&options(), &wat::parse_str(wasm).unwrap()).unwrap_err();
    assert!(error.contains("has no `initialize`"), "{error}");
}

#[test]
fn a_memory_that_cannot_grow_says_so() {
    let error = run(&options(), &component_with("1 1", "", "", "")).unwrap_err();
    assert!(error.contains("cannot be read") && error.contains("maximum size"), "{error}");
}

#[test]
fn the_init_of_an_engine_is_always_run() {
    let import = "import bulkhead:lambda/script@0.1.0;";
    let entry = r#"(import "bulkhead:lambda/script@0.1.0" "entry" (func (param i32)))"#;
    let engine = component(entry, "", import);
    assert!(is_always_run(&engine) && !is_always_run(&component("", "", "")));
    let folder = tempfile::tempdir().unwrap();
    let [wasm, cwasm] = ["javascript.wasm", "javascript.cwasm"].map(|file| folder.path().join(file));
    std::fs::write(&wasm, &engine).unwrap();
    let target = Target::host().unwrap();
    std::fs::write(&cwasm, bulkhead_host::wasm::compile(&engine, &engine, target).unwrap()).unwrap();
    assert!(!crate::package::fits(&cwasm, &wasm, target), "each event would run the init again");
    crate::compile::native(&wasm, &cwasm, target).unwrap();
    assert!(crate::package::fits(&cwasm, &wasm, target));
    assert!(Stamp::check(&cwasm).unwrap().preinitialised);
}
