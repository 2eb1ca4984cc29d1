//! Guests that attack by what they compute: loops, memory, traps, and a contract that they break.

use serde_json::json;

use crate::hostile::{guest, wat};

#[test]
fn endless_loop() {
    guest("endless_loop").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn endless_calls() {
    guest("endless_calls").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn start_loop() {
    wat("start_loop.wat").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn allocator_loop() {
    wat("allocator_loop.wat").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn fill_loop() {
    wat("fill_loop.wat").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn copy_loop() {
    wat("copy_loop.wat").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn table_fill_loop() {
    wat("table_fill_loop.wat").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn grow_and_ignore() {
    wat("grow_and_ignore.wat").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn stack_overflow() {
    guest("stack_overflow").events(&["1", "\"memory\""]).fails("Function.StackOverflow");
}

#[test]
fn large_local() {
    guest("large_local").events(&["1"]).fails("Function.StackOverflow");
    // The engine does not say where an instruction that fills memory has failed.
    guest("large_local").events(&["\"cleared\""]).fails("Function.Trap");
}

#[test]
fn start_recursion() {
    wat("start_recursion.wat").fails("Function.StackOverflow");
}

#[test]
fn mutual_recursion() {
    wat("mutual_recursion.wat").fails("Function.StackOverflow");
}

#[test]
fn memory() {
    guest("memory").events(&["17", "4000"]).hits("Function.OutOfMemory", "memory");
}

#[test]
fn initial_memory() {
    wat("initial_memory.wat").hits("Function.OutOfMemory", "memory");
}

#[test]
fn several_memories() {
    wat("several_memories.wat").hits("Function.OutOfMemory", "memory");
}

#[test]
fn table_bomb() {
    wat("table_bomb.wat").hits("Function.TableLimitExceeded", "table_entries");
}

#[test]
fn initial_tables() {
    wat("initial_tables.wat").hits("Function.TableLimitExceeded", "table_entries");
}

#[test]
fn start_trap() {
    wat("start_trap.wat").fails("Function.Trap");
}

#[test]
fn unreachable() {
    wat("unreachable.wat").fails("Function.Trap");
}

#[test]
fn divide_by_zero() {
    wat("divide_by_zero.wat").fails("Function.Trap");
}

#[test]
fn divide_overflow() {
    wat("divide_overflow.wat").fails("Function.Trap");
}

#[test]
fn not_a_number() {
    wat("not_a_number.wat").fails("Function.Trap");
}

#[test]
fn memory_out_of_bounds() {
    wat("memory_out_of_bounds.wat").fails("Function.Trap");
}

#[test]
fn memory_below_zero() {
    wat("memory_below_zero.wat").fails("Function.StackOverflow");
}

#[test]
fn table_out_of_bounds() {
    wat("table_out_of_bounds.wat").fails("Function.Trap");
}

#[test]
fn null_call() {
    wat("null_call.wat").fails("Function.Trap");
}

#[test]
fn wrong_signature() {
    wat("wrong_signature.wat").fails("Function.Trap");
}

#[test]
fn data_out_of_bounds() {
    wat("data_out_of_bounds.wat").fails("Function.Trap");
}

#[test]
fn allocator_outside() {
    wat("allocator_outside.wat").fails("Function.Trap");
}

#[test]
fn response_nowhere() {
    wat("response_nowhere.wat").fails("Function.Trap");
}

#[test]
fn response_odd() {
    wat("response_odd.wat").fails("Function.Trap");
}

#[test]
fn failure_not_utf8() {
    wat("failure_not_utf8.wat").fails("Function.Trap");
}

#[test]
fn abort() {
    guest("abort").fails("Function.Trap");
}

#[test]
fn response_huge() {
    wat("response_huge.wat").limit("memory", "64MiB").hits("Function.ResponseSizeTooLarge", "response");
}

#[test]
fn failure_frames() {
    wat("failure_frames.wat").hits("Function.ResponseSizeTooLarge", "response");
}

#[test]
fn sized() {
    guest("sized")
        .limit("memory", "64MiB")
        .events(&["6291557", "20000000"])
        .hits("Function.ResponseSizeTooLarge", "response");
}

#[test]
fn strings() {
    guest("strings").limit("memory", "64MiB").events(&["7", "15"]).fails("Function.Long");
}

#[test]
fn not_utf8() {
    guest("not_utf8").replies([0xff, 0xfe, 0, b'\r', b'\n', 0xc0, 0x80]);
}

#[test]
fn deep_reply() {
    let expected = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    guest("deep_reply").events(&["100000"]).replies(expected);
}

#[test]
fn json() {
    // Its own reader is on the way, which counts the depth.
    guest("json")
        .events(&["[".repeat(100_000), "{\"a\":".repeat(100_000)])
        .fails("Function.EventUnmarshalError");
}

#[test]
fn mixed() {
    guest("mixed").events(&["\"fail\"", "\"panic\"", "\"abort\"", "\"exit\"", "\"bomb\"", "\"spin\""]).run();
}

#[test]
fn panic() {
    let event = json!({ "text": "a megabyte\r\n", "times": 90_000 }).to_string();
    // All of it is too much for the log.
    guest("panic").events(&[event]).hits("Function.Panic", "logs").each(|answer, _| {
        assert!(answer.body.len() <= 256 * 1024, "{} bytes", answer.body.len());
    });
}

#[test]
fn panic_loop() {
    guest("panic_loop").fails("Function.Trap");
}

#[test]
fn fail() {
    let text = "A\r\nLambda-Runtime-Function-Error-Type: B\0";
    let event = json!({ "type": text, "message": "\r\n\r\nHTTP/1.1 200 OK\0" }).to_string();
    guest("fail").events(&[event]).run().each(|answer, receipt| {
        assert_eq!(answer.error_type(), "Function.ALambdaRuntimeFunctionErrorTypeB");
        assert_eq!(receipt["outcome"], answer.error_type());
        assert_eq!(answer.json()["errorType"], text);
    });
}
