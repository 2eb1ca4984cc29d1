//! Core modules as text, made into handlers: for guests that no compiler would make.

use std::time::Duration;

use bulkhead_tests::{Bootstrap, Event, Running, RuntimeApi, TaskRoot};

use crate::stage::assert_error;
use crate::wat::{EXPORTS, REPLY, handler};

/// A bootstrap that runs one module. Its directory has to outlive it.
struct Started {
    api: RuntimeApi,
    running: Running,
    _root: TaskRoot,
}

impl Started {
    fn of(module: &str) -> Self {
        let api = RuntimeApi::start();
        let root = TaskRoot::new().file("guest.wasm", &handler(module));
        let running = Bootstrap::new().task_root(&root).handler("guest").api(&api).spawn();
        Self { api, running, _root: root }
    }

    /// Two events in a row fail in the same way, in the same process.
    fn fails(mut self, error_type: &str) {
        for _ in 0..2 {
            assert_error(
                &self.api.send(Event::json("1").deadline_in(Duration::from_millis(900))),
                error_type,
            );
        }
        assert!(self.running.is_alive());
        assert_eq!(self.api.violations(), [] as [String; 0]);
    }
}

#[test]
fn the_smallest_handler_replies() {
    let started = Started::of(&format!("{EXPORTS}{REPLY}"));
    assert_eq!(started.api.send(Event::json("1")).body, b"");
}

#[test]
fn a_start_that_never_ends_delays_no_event_and_is_stopped() {
    let start = "(func $start (loop $again (br $again))) (start $start)";
    Started::of(&format!("{EXPORTS}{REPLY}{start}")).fails("Function.Timeout");
}

#[test]
fn a_start_that_traps_costs_its_event() {
    let start = "(func $start unreachable) (start $start)";
    Started::of(&format!("{EXPORTS}{REPLY}{start}")).fails("Function.Trap");
}

#[test]
fn an_initial_memory_over_the_limit_is_out_of_memory() {
    let memory = EXPORTS.replace(r#""memory") 1"#, r#""memory") 2049"#);
    Started::of(&format!("{memory}{REPLY}")).fails("Function.OutOfMemory");
}

#[test]
fn several_memories_have_one_limit() {
    let grow = r#"
        (memory $second 1)
        (func $start
            (if (i32.eq (memory.grow 0 (i32.const 1100)) (i32.const -1)) (then unreachable))
            (if (i32.eq (memory.grow $second (i32.const 1100)) (i32.const -1)) (then unreachable)))
        (start $start)
    "#;
    Started::of(&format!("{EXPORTS}{REPLY}{grow}")).fails("Function.OutOfMemory");
}

#[test]
fn an_allocator_that_lies_hurts_nobody_else() {
    for address in ["-1", "65530", "2147483647"] {
        let exports = EXPORTS.replace("i32.const 1024", &format!("i32.const {address}"));
        Started::of(&format!("{exports}{REPLY}")).fails("Function.Trap");
    }
}

#[test]
fn an_allocator_that_never_ends_is_stopped() {
    let exports = EXPORTS.replace("i32.const 1024", "(loop $again (br $again)) i32.const 1024");
    Started::of(&format!("{exports}{REPLY}")).fails("Function.Timeout");
}

#[test]
fn a_response_that_is_not_there_is_a_trap() {
    for result in ["-4", "65535", "2147483644"] {
        let reply = REPLY.replace("i32.const 12", &format!("i32.const {result}"));
        Started::of(&format!("{EXPORTS}{reply}")).fails("Function.Trap");
    }
}

#[test]
fn a_response_beyond_all_bounds_is_too_large() {
    let data = r#"(data (i32.const 16) "\00\00\00\00\00\00\00\02")"#;
    let memory = EXPORTS.replace(r#""memory") 1"#, r#""memory") 600"#);
    Started::of(&format!("{memory}{REPLY}{data}")).fails("Function.ResponseSizeTooLarge");
}

#[test]
fn filling_memory_for_ever_is_stopped() {
    let fill = r#"
        (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
            (loop $again
                (memory.fill (i32.const 0) (i32.const 7) (i32.const 60000000))
                (br $again))
            i32.const 12)
    "#;
    let memory = EXPORTS.replace(r#""memory") 1"#, r#""memory") 1000"#);
    Started::of(&format!("{memory}{fill}")).fails("Function.Timeout");
}
