//! Programs, as text, that are adapted and run: each writes what it has seen to stdout.

mod program;

use super::*;
use crate::wasm::adapt::adapt;
use functions::Param;
use program::{PRELUDE, Setting, output, program, run, text};

#[test]
fn a_program_has_all_of_its_memory_to_itself() {
    // As an allocator does that takes all pages there are, and each page that it asks for. Both are filled, then functions are
    // called that the adapter needs its memory for, and nothing of it may have changed.
    let program = r#"
        (memory (export "memory") 2 40)
        (func $fill (memory.fill (i32.const 1024) (i32.const 0xaa) (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1024))))
        (func $check (local $at i32)
            (local.set $at (i32.const 1024))
            (loop $next
                (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0xaa)) (then unreachable))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $at) (i32.shl (memory.size) (i32.const 16))))))
        (func $call
            (call $buffer (i32.const 16) (i32.const 64) (i32.const 8))
            (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 32)))
            (drop (call $args_get (i32.const 64) (i32.const 128)))
            (drop (call $environ_get (i32.const 64) (i32.const 128)))
            (drop (call $fd_prestat_get (i32.const 3) (i32.const 32)))
            (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 32)))
            (drop (call $random_get (i32.const 512) (i32.const 512)))
            (call $byte (memory.size)))
        (func (export "_start") (local $round i32)
            (loop $next
                (call $fill) (call $call) (call $check)
                ;; No page of anyone else's lies between.
                (if (i32.ne (memory.grow (i32.const 3)) (i32.add (i32.const 2) (i32.mul (local.get $round) (i32.const 3)))) (then unreachable))
                (local.set $round (i32.add (local.get $round) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $round) (i32.const 12))))
            ;; And its own maximum is its own.
            (if (i32.ne (memory.grow (i32.const 3)) (i32.const -1)) (then unreachable)))"#;
    let setting = Setting { stdin: b"0123456789", arguments: &["a", "b"], environment: variables(3) };
    let sizes: Vec<u8> = (0..12).map(|round| 2 + 3 * round).collect();
    assert_eq!(output(program, &setting), sizes);
}

fn variables(count: usize) -> Vec<(String, String)> {
    (0..count).map(|index| (format!("NAME_{index}"), format!("value of {index}"))).collect()
}

/// Copies stdin to stdout, with reads into `$buffers` and one write for all that was read.
fn copies(pages: u32, buffers: &str, count: u32) -> String {
    format!(
        r#"(memory (export "memory") {pages})
        (func (export "_start")
            (loop $next
                {buffers}
                (if (call $fd_read (i32.const 0) (i32.const 1024) (i32.const {count}) (i32.const 16)) (then unreachable))
                (call $put (i32.const 65536) (i32.load (i32.const 16)))
                (br_if $next (i32.load (i32.const 16)))))"#
    )
}

#[test]
fn events_of_all_lengths_pass_through_buffers_of_all_lengths() {
    let event: Vec<u8> = (0..5 << 20).map(|index: u32| u8::try_from(index % 251).unwrap()).collect();
    let one = |length: u32| format!("(call $buffer (i32.const 1024) (i32.const 65536) (i32.const {length}))");
    let several = "(call $buffer (i32.const 1024) (i32.const 65536) (i32.const 0))
        (call $buffer (i32.const 1032) (i32.const 65536) (i32.const 70000))
        (call $buffer (i32.const 1040) (i32.const 0) (i32.const 0))
        (call $buffer (i32.const 1048) (i32.const 135536) (i32.const 100001))
        (call $buffer (i32.const 1056) (i32.const 0) (i32.const 0))";
    let programs = [
        copies(90, &one(5 << 20), 1),
        copies(2, &one(65504), 1),
        copies(2, &one(997), 1),
        copies(4, several, 5),
    ];
    for length in [0, 1, 8191, 65503, 65504, 65505, 100_000, 129 << 10, 1 << 20, 5 << 20] {
        let stdin = &event[..length];
        for (index, program) in
            programs.iter().enumerate().filter(|(index, _)| *index != 2 || length < 1 << 20)
        {
            let setting = Setting { stdin, ..Setting::default() };
            assert!(output(program, &setting) == stdin, "{length} bytes, program {index}");
        }
    }
}

#[test]
fn one_call_reads_and_writes_all_that_there_is() {
    let program = r#"(memory (export "memory") 20)
        (func (export "_start")
            (call $buffer (i32.const 1024) (i32.const 65536) (i32.const 1000000))
            (if (call $fd_read (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 16)) (then unreachable))
            (call $put (i32.const 16) (i32.const 4))
            (call $put (i32.const 65536) (i32.load (i32.const 16)))
            (call $put (i32.const 8) (i32.const 4)))"#;
    let stdin = vec![b'x'; 300_000];
    let found = output(program, &Setting { stdin: &stdin, ..Setting::default() });
    let length = 300_000_u32.to_le_bytes();
    assert!(found == [&length, &stdin[..], &length].concat(), "{} bytes", found.len());
}

#[test]
fn strings_lie_where_the_program_wants_them() {
    // It prints what the pointers point to, one string a line, and says how many there are by the first that is not set.
    let program = |function: &str| {
        format!(
            r#"(memory (export "memory") 30)
        (func (export "_start") (local $at i32) (local $string i32)
            (if (call ${function} (i32.const 1024) (i32.const 66000)) (then unreachable))
            (local.set $at (i32.const 1024))
            (loop $next
                (local.set $string (i32.load (local.get $at)))
                (if (local.get $string) (then
                    (loop $more
                        (if (i32.load8_u (local.get $string)) (then
                            (call $put (local.get $string) (i32.const 1))
                            (local.set $string (i32.add (local.get $string) (i32.const 1)))
                            (br $more))))
                    (call $byte (i32.const 10))
                    (local.set $at (i32.add (local.get $at) (i32.const 4)))
                    (br $next)))))"#
        )
    };
    let arguments = ["name", "", "two words", "ä"];
    let setting = Setting { arguments: &arguments, ..Setting::default() };
    assert_eq!(text(&program("args_get"), &setting), "name\n\ntwo words\nä\n");
    for count in [0, 1, 70, 1000] {
        let mut environment = variables(count);
        // With these it is more than there is room for without asking for pages.
        environment.extend((0..count / 10).map(|index| (format!("LONG_{index}"), "x".repeat(10_000))));
        let lines: String = environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let setting = Setting { environment, ..Setting::default() };
        let found = text(&program("environ_get"), &setting);
        assert!(found == lines, "{count}: {} bytes and not {}", found.len(), lines.len());
    }
}

#[test]
fn buffers_are_filled_as_far_as_they_reach_and_no_further() {
    let program = |length: u32| {
        format!(
            r#"(memory (export "memory") 20)
        (func (export "_start")
            (memory.fill (i32.const 1000) (i32.const 0) (i32.const 1000000))
            (if (call $random_get (i32.const 1003) (i32.const {length})) (then unreachable))
            (call $put (i32.const 1000) (i32.const 900000)))"#
        )
    };
    for length in [1, 64, 65504, 65505, 800_000] {
        let found = output(&program(length), &Setting::default());
        let end = 3 + usize::try_from(length).unwrap();
        assert_eq!((&found[..3], &found[end..end + 16]), (&[0; 3][..], &[0; 16][..]), "{length}");
        // All zeros by chance are as likely as 2^-64.
        assert!(length < 8 || (found[3..11] != [0; 8] && found[end - 8..end] != [0; 8]), "{length}");
    }
}

#[test]
fn a_poll_of_several_things_says_which_happened() {
    let subscription = |at: u32, userdata: u32, nanoseconds: u32| {
        format!(
            "(i64.store (i32.const {at}) (i64.const {userdata})) (i32.store8 offset=8 (i32.const {at}) (i32.const 0))
             (i32.store offset=16 (i32.const {at}) (i32.const 1))
             (i64.store offset=24 (i32.const {at}) (i64.const {nanoseconds}))"
        )
    };
    let program = format!(
        r#"(memory (export "memory") 1)
        (func (export "_start")
            {} {}
            (call $byte (call $poll_oneoff (i32.const 1024) (i32.const 2048) (i32.const 2) (i32.const 16)))
            (call $byte (i32.load (i32.const 16)))
            (call $byte (i32.load (i32.const 2048)))
            (call $byte (call $poll_oneoff (i32.const 1024) (i32.const 2048) (i32.const 0) (i32.const 16))))"#,
        subscription(1024, 7, 2_000_000_000),
        subscription(1072, 9, 1)
    );
    assert_eq!(output(&program, &Setting::default()), [0, 1, 9, 28]);
}

#[test]
fn a_bad_descriptor_is_one_whatever_is_to_be_read_or_written() {
    let program = r#"(memory (export "memory") 1)
        (func (export "_start")
            (call $buffer (i32.const 16) (i32.const 64) (i32.const 0))
            (call $buffer (i32.const 24) (i32.const 64) (i32.const 4))
            (call $byte (call $fd_write (i32.const 77) (i32.const 16) (i32.const 0) (i32.const 32)))
            (call $byte (call $fd_write (i32.const 77) (i32.const 16) (i32.const 1) (i32.const 32)))
            (call $byte (call $fd_write (i32.const 77) (i32.const 24) (i32.const 1) (i32.const 32)))
            (call $byte (call $fd_read (i32.const 77) (i32.const 16) (i32.const 0) (i32.const 32)))
            (call $byte (call $fd_pread (i32.const 77) (i32.const 16) (i32.const 0) (i64.const 0) (i32.const 32)))
            (call $byte (call $fd_pwrite (i32.const 77) (i32.const 16) (i32.const 0) (i64.const 0) (i32.const 32)))
            ;; One that cannot be written to, one that cannot be read from, and two that can.
            (call $byte (call $fd_write (i32.const 0) (i32.const 16) (i32.const 0) (i32.const 32)))
            (call $byte (call $fd_read (i32.const 1) (i32.const 16) (i32.const 0) (i32.const 32)))
            (call $byte (call $fd_write (i32.const 2) (i32.const 16) (i32.const 0) (i32.const 32)))
            (call $byte (call $fd_read (i32.const 0) (i32.const 16) (i32.const 0) (i32.const 32)))
            (call $byte (i32.load (i32.const 32)))
            ;; And one that was closed.
            (call $byte (call $fd_close (i32.const 2)))
            (call $byte (call $fd_write (i32.const 2) (i32.const 16) (i32.const 0) (i32.const 32))))"#;
    assert_eq!(output(program, &Setting::default()), [8, 8, 8, 8, 8, 8, 8, 8, 0, 0, 0, 0, 8]);
}

#[test]
fn what_there_is_not_is_an_error_and_no_trap() {
    let program = r#"(memory (export "memory") 1)
        (func (export "_start")
            (call $byte (call $sock_accept (i32.const 3) (i32.const 0) (i32.const 16)))
            (call $byte (call $sock_recv (i32.const 0) (i32.const 16) (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 20)))
            (call $byte (call $sock_send (i32.const 1) (i32.const 16) (i32.const 0) (i32.const 0) (i32.const 16)))
            (call $byte (call $sock_shutdown (i32.const 9) (i32.const 0)))
            (call $byte (call $proc_raise (i32.const 6)))
            (call $byte (call $sched_yield)))"#;
    assert_eq!(output(program, &Setting::default()), [2, 2, 2, 8, 58, 0]);
}

#[test]
fn pointers_to_nowhere_trap_and_reach_nothing_of_the_adapter_s() {
    for call in [
        "(call $random_get (i32.const 65530) (i32.const 7))",
        "(call $random_get (i32.const -1) (i32.const -1))",
        "(call $fd_read (i32.const 0) (i32.const -4) (i32.const 1) (i32.const 16))",
        "(call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 65529))",
        "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 1366) (i32.const 16))",
        "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 16))",
        "(call $environ_get (i32.const 65535) (i32.const 0))",
        "(block (result i32) (call $buffer (i32.const 64) (i32.const 65536) (i32.const 1))
            (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 16)))",
    ] {
        let program =
            program(&format!(r#"(memory (export "memory") 1) (func (export "_start") (drop {call}))"#));
        let setting = Setting { stdin: b"abc", environment: variables(2), ..Setting::default() };
        let (ended, _) = run(&program, &setting);
        let error = format!("{:#}", ended.unwrap_err().root_cause());
        assert!(error.contains("out of bounds memory access"), "{call}: {error}");
    }
}

#[test]
fn modules_of_all_shapes_are_adapted() {
    // Another memory, passive segments, tables with imports in them, globals with references, and functions in a row that
    // is not that of their numbers.
    let program = r#"
        (memory $other 1) (memory (export "memory") 1)
        (data $passive "passive ")
        (data (memory 1) (i32.const 600) "active\n")
        (data (memory $other) (i32.const 600) "other ")
        (type $yields (func (result i32)))
        (table (export "table") 3 funcref)
        (elem (i32.const 0) func $sched_yield $ten $fd_write)
        (global $reference funcref (ref.func $ten))
        (func $ten (result i32) (i32.const 10))
        (func (export "_start")
            (memory.init 1 $passive (i32.const 500) (i32.const 0) (i32.const 8)) (data.drop $passive)
            (memory.copy 1 0 (i32.const 508) (i32.const 600) (i32.const 6))
            (memory.copy 1 1 (i32.const 514) (i32.const 600) (i32.const 7))
            (call $put (i32.const 500) (i32.const 21))
            (call $byte (call_indirect (type $yields) (i32.const 0)))
            (call $byte (call_indirect (type $yields) (i32.const 1))))"#;
    let (ended, output) = run(&format!("(module {} {program})", prelude_of_memory_1()), &Setting::default());
    ended.unwrap();
    assert_eq!(String::from_utf8(output).unwrap(), "passive other active\n\0\n");
}

/// The prelude for a program whose second memory is the one that counts.
fn prelude_of_memory_1() -> String {
    PRELUDE
        .replace("i32.store8 (", "i32.store8 1 (")
        .replace("i32.store (", "i32.store 1 (")
        .replace("i32.store offset=4", "i32.store 1 offset=4")
}

#[test]
fn a_start_function_runs_before_main_and_can_call() {
    // As AssemblyScript has its top level.
    let program = r#"(memory (export "memory") 1) (global $state (mut i32) (i32.const 65))
        (func $start (global.set $state (i32.const 66)) (call $byte (global.get $state)))
        (start $start)
        (func (export "_start") (call $byte (i32.add (global.get $state) (i32.const 1))))"#;
    assert_eq!(text(program, &Setting::default()), "BC");
}

#[test]
fn an_allocator_of_the_module_s_own_is_not_asked_for_the_adapter_s_memory() {
    let program = r#"(memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "cabi_realloc_adapter") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "_start") (call $byte (i32.const 65)))"#;
    assert_eq!(text(program, &Setting::default()), "A");
}

#[test]
fn functions_keep_their_names() {
    let wat = program(
        r#"(memory (export "memory") 1) (func $deep unreachable) (func (export "_start") (call $deep))"#,
    );
    let (ended, _) = run(&wat, &Setting::default());
    let error = format!("{:?}", ended.unwrap_err());
    assert!(error.contains("!deep"), "{error}");
    // Also where the trap is within a call.
    let wat = program(
        r#"(memory (export "memory") 1) (func (export "_start") (drop (call $random_get (i32.const -1) (i32.const 9))))"#,
    );
    let error = format!("{:?}", run(&wat, &Setting::default()).0.unwrap_err());
    assert!(error.contains("!random_get"), "{error}");
}

#[test]
fn functions_have_the_types_that_the_adapter_has() {
    use wasmparser::types::EntityType;
    let mut validator = wasmparser::Validator::new();
    let types = validator.validate_all(crate::wasm::adapt::REACTOR).unwrap();
    let types = types.as_ref();
    let mut names = 0;
    for (name, ty) in types.core_exports().unwrap() {
        let EntityType::Func(id) = ty else { continue };
        if name.starts_with("cabi_") {
            continue;
        }
        let function = Function::named(name).unwrap_or_else(|| panic!("{name} is missing"));
        let ty = types[id].unwrap_func();
        let list = |types: &[wasmparser::ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>();
        let own =
            |types: Vec<ValType>| types.iter().map(|ty| format!("{ty:?}").to_lowercase()).collect::<Vec<_>>();
        assert_eq!(list(ty.params()), own(function.params()), "{name}");
        assert_eq!(list(ty.results()), own(function.results()), "{name}");
        names += 1;
    }
    assert!(names > 45, "{names}");
}

#[test]
fn a_function_of_another_type_is_refused_by_name() {
    let wat = r#"(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32)))
        (memory (export "memory") 1) (func (export "_start")))"#;
    let error = adapt(&wat::parse_str(wat).unwrap()).unwrap_err().to_string();
    assert!(error.contains("it imports fd_close with another type than in preview 1"), "{error}");
}

#[test]
fn what_has_no_memory_for_anyone_is_left_as_it_is() {
    for wat in [
        r#"(module (func (export "_start")))"#,
        r#"(module (memory 1) (func (export "_start")))"#,
        r#"(module (import "wasi_snapshot_preview1" "memory" (memory 1)) (export "memory" (memory 0)) (func (export "_start")))"#,
        r#"(module (memory (export "memory") i64 1) (func (export "_start")))"#,
        r#"(module (memory (export "memory") 1 1 shared) (func (export "_start")))"#,
    ] {
        assert_eq!(rewrite(&wat::parse_str(wat).unwrap()).unwrap(), None, "{wat}");
    }
    assert_eq!(rewrite(b"\0asm\x01\0\0\0\x01").unwrap(), None);
}

#[test]
fn what_is_rewritten_is_valid_with_every_function_there_is() {
    let mut imports = String::new();
    for function in functions::FUNCTIONS {
        let params: Vec<_> =
            function.params.iter().map(|param| if *param == Param::I64 { "i64" } else { "i32" }).collect();
        let result = if function.has_result { "(result i32)" } else { "" };
        imports += &format!(
            r#"(import "{PREVIEW1}" "{}" (func (param {}) {result}))"#,
            function.name,
            params.join(" ")
        );
    }
    // Each of them twice, and out of order.
    let wat =
        format!(r#"(module {imports} {imports} (memory (export "memory") 1) (func (export "_start")))"#);
    let rewritten = rewrite(&wat::parse_str(wat).unwrap()).unwrap().unwrap();
    wasmparser::Validator::new().validate_all(&rewritten).unwrap();
}
