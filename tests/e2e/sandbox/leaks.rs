//! Nothing is left: one tenant writes a pattern over all that it has, another looks for it, thousands of times, with
//! every way in which sandboxes get their memory.
//!
//! The two are modules as text, so that no allocator or start-up code hides what a fresh memory holds.

use bulkhead_tests::{Bootstrap, Event, TaskRoot};

use crate::stage::Stage;
use crate::wat::handler;

/// A memory of 48 pages, 3 MiB: what is reset in place between events, and what is given back to the system; a table,
/// globals, and a function that `handle` calls to use a good deal of the stack.
const BELONGINGS: &str = r#"
    (memory (export "memory") 48)
    (table $table 1000 funcref)
    (global $a (mut i64) (i64.const 0))
    (global $b (mut f64) (f64.const 0))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
    (elem declare func $deep)
"#;

/// Writes everywhere, also over what it wrote its answer to, and then makes the answer.
const WRITER: &str = r#"
    (func $deep (param $depth i32) (param $x i64) (result i64)
        (if (result i64) (i32.eqz (local.get $depth))
            (then (local.get $x))
            (else (i64.xor (local.get $x)
                (call $deep (i32.sub (local.get $depth) (i32.const 1)) (local.get $x))))))
    (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
        (drop (memory.grow (i32.const 16)))
        (memory.fill (i32.const 0) (i32.const 0xa5) (i32.mul (memory.size) (i32.const 65536)))
        (table.fill $table (i32.const 0) (ref.func $deep) (i32.const 1000))
        (drop (table.grow $table (ref.func $deep) (i32.const 500)))
        (global.set $a (i64.const 0xa5a5a5a5a5a5a5a5))
        (global.set $b (f64.const 1e300))
        (drop (call $deep (i32.const 2000) (i64.const 0xa5a5a5a5a5a5a5a5)))
        (i64.store (i32.const 16) (i64.const 0))
        (i32.store8 (i32.const 12) (i32.const 0))
        (i32.store (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (i32.const 0))
        i32.const 12)
"#;

/// Answers with one byte for each thing that is not as it should be, so with nothing. It writes on its way too, so
/// that what it saw was certainly there.
const SEEKER: &str = r#"
    (global $found (mut i32) (i32.const 0))
    (func $deep)
    (func $note (global.set $found (i32.add (global.get $found) (i32.const 1))))
    (func $look (param $from i32) (param $to i32)
        (loop $next
            (if (i64.ne (i64.load (local.get $from)) (i64.const 0)) (then (call $note)))
            (local.set $from (i32.add (local.get $from) (i32.const 8)))
            (br_if $next (i32.lt_u (local.get $from) (local.get $to)))))
    (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
        (local $at i32)
        ;; The event and its context lie from 64 on: a page is more than they take.
        (call $look (i32.const 65536) (i32.mul (i32.const 48) (i32.const 65536)))
        (drop (memory.grow (i32.const 16)))
        (call $look (i32.mul (i32.const 48) (i32.const 65536)) (i32.mul (i32.const 64) (i32.const 65536)))
        (loop $next
            (if (i32.eqz (ref.is_null (table.get $table (local.get $at)))) (then (call $note)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 1000))))
        (drop (table.grow $table (ref.null func) (i32.const 500)))
        (if (i32.eqz (ref.is_null (table.get $table (i32.const 1400)))) (then (call $note)))
        (if (i64.ne (global.get $a) (i64.const 0)) (then (call $note)))
        (if (f64.ne (global.get $b) (f64.const 0)) (then (call $note)))
        (i32.store8 (i32.const 12) (i32.const 0))
        (i32.store (i32.const 16) (i32.const 65536))
        (i32.store (i32.const 20) (global.get $found))
        i32.const 12)
"#;

const MANIFEST: &str = "[handlers.writer]\n[handlers.seeker]\n[handlers.tmp]\n[handlers.tmp.grants]\ntmp = '64KiB'\n\
    [tenants.mallory]\nhandler = 'writer'\n[tenants.alice]\nhandler = 'seeker'\n\
    [tenants.bob]\nhandler = 'tmp'\n[tenants.carol]\nhandler = 'tmp'\n";

fn root() -> TaskRoot {
    TaskRoot::new()
        .manifest(MANIFEST)
        .file("writer.wasm", &handler(&format!("{BELONGINGS}{WRITER}")))
        .file("seeker.wasm", &handler(&format!("{BELONGINGS}{SEEKER}")))
        .with("tmp")
}

/// So many times the one, then the other.
fn search(times: usize, change: impl FnOnce(Bootstrap) -> Bootstrap) -> Stage {
    let stage = Stage::at(root(), change);
    search_on(&stage, times);
    stage
}

fn search_on(stage: &Stage, times: usize) {
    for round in 0..times {
        assert_eq!(stage.api.send(Event::json("1").tenant("mallory")).body, b"", "round {round}");
        let found = stage.api.send(Event::json("1").tenant("alice")).body.len();
        assert_eq!(found, 0, "round {round}");
    }
}

#[test]
fn from_the_pool_nothing_is_left() {
    let stage = search(2000, |bootstrap| bootstrap);
    assert_eq!(stage.running.stdout(), "");
}

#[test]
fn from_the_pool_of_several_events_nothing_is_left() {
    // It keeps less of each memory.
    search_on(&Stage::managed(8, root(), ""), 1000);
}

#[test]
fn from_the_pool_of_one_component_nothing_is_left() {
    // It keeps more of each memory: of 20 MiB a part is reset in place, and the rest is given back.
    const HANDLE: &str = r#"(func (export "bulkhead:lambda/handler@0.1.0#handle")"#;
    let writer = WRITER.replace(HANDLE, "(func $write");
    let seeker = SEEKER.replace(HANDLE, "(func $seek").replace("(func $deep)\n", "");
    let large = |text: String| {
        text.replace("(i32.const 48)", "(i32.const 320)")
            .replace("(i32.const 64) (i32.const 65536)", "(i32.const 336) (i32.const 65536)")
    };
    let both = format!(
        "{}{writer}{}{HANDLE} (param i32) (result i32)
            (drop (call $seek (local.get 0)))
            (drop (call $write (local.get 0)))
            (i32.store8 (i32.const 12) (i32.const 0))
            (i32.store (i32.const 16) (i32.const 65536))
            (i32.store (i32.const 20) (global.get $found))
            i32.const 12)",
        BELONGINGS.replace("(memory (export \"memory\") 48)", "(memory (export \"memory\") 320)"),
        large(seeker)
    );
    let stage = Stage::at(TaskRoot::new().file("both.wasm", &handler(&both)), |bootstrap| bootstrap);
    for round in 0..200 {
        assert_eq!(stage.send("1").body.len(), 0, "round {round}");
    }
}

#[test]
fn without_a_pool_nothing_is_left() {
    // A task root of two components and little address space: each sandbox is allocated on its own.
    let stage = search(1000, |bootstrap| bootstrap.address_space(12 * 1024 * 1024));
    assert!(stage.running.stdout().contains("not enough address space for a pool"));
}

#[test]
fn a_seeker_that_finds_something_says_so() {
    // The tests above could not fail if it did not: here the pattern lies in its own memory.
    let data = r#"(data (i32.const 70000) "\a5") (data (i32.const 3000000) "\a5")"#;
    let seeker = handler(&format!("{BELONGINGS}{SEEKER}{data}"));
    let root = TaskRoot::new().file("seeker.wasm", &seeker);
    let stage = Stage::at(root, |bootstrap| bootstrap);
    assert_eq!(stage.send("1").body.len(), 2);
}

#[test]
fn in_tmp_nothing_is_left() {
    let stage = Stage::at(root(), |bootstrap| bootstrap);
    let fresh = serde_json::json!([[], ["a", "text", "x"], ["left"]]);
    for round in 0..1000 {
        for tenant in ["bob", "carol"] {
            let seen = stage.api.send(Event::json(r#""x""#).tenant(tenant)).json();
            assert_eq!(seen, fresh, "round {round}");
        }
    }
}
