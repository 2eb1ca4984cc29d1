//! When a script is compiled, by which event, and what becomes of one that cannot be. The engine answers with the bytecode of the script,
//! or with nothing, and its bytecode of a file is the file.

use bulkhead_tests::{Event, TaskRoot};
use serde_json::Value;

use crate::stage::Stage;
use crate::wat;

/// An engine that compiles by these instructions.
pub(super) fn engine(compile: &str) -> Vec<u8> {
    wat::engine(&format!(
        r#"(import "bulkhead:lambda/script@0.1.0" "read" (func $read (param i32 i32 i32)))
        (memory (export "memory") 2)
        (global $free (mut i32) (i32.const 4096))
        (data (i32.const 1024) "index.js")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (global.get $free))
            (global.set $free (i32.add (global.get $free) (local.get 3)))
            (local.get $at))
        (func (export "bulkhead:lambda/script-handler@0.1.0#handle") (param i32) (result i32)
            (call $read (i32.const 1024) (i32.const 8) (i32.const 64))
            (if (i32.load8_u (i32.const 76)) (then
                (i32.store (i32.const 16) (i32.load (i32.const 80)))
                (i32.store (i32.const 20) (i32.load (i32.const 84)))))
            (i32.const 12))
        (func (export "bulkhead:lambda/script-compiler@0.1.0#compile") (param i32 i32 i32 i32) (result i32)
            (i32.store (i32.const 36) (local.get 2))
            (i32.store (i32.const 40) (local.get 3))
            {compile}
            (i32.const 32))"#
    ))
}

/// Two tenants with one script, one of which may use more.
fn function(compile: &str, limits: [&str; 2]) -> Stage {
    let [small, rich] = limits;
    let toml = format!(
        "[handlers.notes]\nsource = \"notes/index.js\"\nmax.limits = {{ cpu_time = \"60s\", wall_time = \"60s\" }}\n\
         [tenants]\nsmall.limits.{small}\nrich.limits.{rich}\n"
    );
    let root = TaskRoot::new().manifest(&toml).file("engines/javascript.wasm", &engine(compile));
    Stage::at(root.file("notes/index.js", &[b'x'; 4096]), |bootstrap| bootstrap)
}

/// Whether an event of a tenant runs bytecode.
fn has_bytecode(stage: &Stage, tenant: &str) -> bool {
    let answer = stage.api.send(Event::json("1").tenant(tenant));
    assert!(answer.body.is_empty() || answer.body == [b'x'; 4096], "{}", answer.text());
    !answer.body.is_empty()
}

/// The records of scripts that were not compiled.
fn told(stage: &Stage) -> Vec<String> {
    stage.api.wait_idle();
    let log = stage.running.logs();
    log.lines().filter(|line| line.contains("ScriptNotCompiled: ")).map(str::to_owned).collect()
}

#[test]
fn an_event_whose_limits_are_higher_compiles_what_another_one_could_not() {
    let compile = "(if (i32.eq (memory.grow (i32.const 256)) (i32.const -1)) (then unreachable))";
    let stage = function(compile, ["memory = \"8MiB\"", "memory = \"64MiB\""]);
    assert!(!has_bytecode(&stage, "small") && !has_bytecode(&stage, "small"));
    let records = told(&stage);
    let expected = "WARN\ttenantId=small\tScriptNotCompiled: the script notes/index.js of the tenant \"small\" was not compiled, \
                    because that took more than the limit `memory`; each event runs it from source, which takes longer, and an \
                    event with higher limits tries again";
    assert!(records.len() == 1 && records[0].ends_with(expected), "{records:?}");
    assert!(has_bytecode(&stage, "rich"), "what ended one tenant's event is not final for another");
    assert!(has_bytecode(&stage, "small") && told(&stage).len() == 1);
}

#[test]
fn a_compilation_without_end_costs_one_event_a_part_of_its_time_and_no_other_event_anything() {
    let stage = function(
        "(loop (br 0))",
        ["cpu_time = \"400ms\"", "cpu_time = \"60s\"\nrich.limits.wall_time = \"60s\""],
    );
    for tenant in ["small", "small", "rich", "rich", "small"] {
        assert!(!has_bytecode(&stage, tenant));
    }
    let receipts = stage.receipts();
    let cpu: Vec<f64> = receipts.iter().filter_map(|receipt: &Value| receipt["cpuMs"].as_f64()).collect();
    let is_tried = [(100.0, f64::MAX), (0.0, 100.0), (400.0, f64::MAX), (0.0, 100.0), (0.0, 100.0)];
    let is_right = |(cpu, (least, most)): (&f64, (f64, f64))| (least..most).contains(cpu);
    assert!(cpu.len() == 5 && cpu.iter().zip(is_tried).all(is_right), "{cpu:?}");
    let records = told(&stage);
    let expected = "that took more than 100ms of processor time";
    assert!(records.len() == 1 && records[0].contains(expected), "{records:?}");
}

#[test]
fn a_mistake_in_a_script_is_left_to_its_events() {
    let mistake = "(i32.store (i32.const 32) (i32.const 1)) (i32.store (i32.const 36) (i32.const 1024))
        (i32.store (i32.const 40) (i32.const 8))";
    let stage = function(mistake, ["memory = \"8MiB\"", "memory = \"64MiB\""]);
    assert!(!has_bytecode(&stage, "small") && !has_bytecode(&stage, "rich") && told(&stage).is_empty());
}
