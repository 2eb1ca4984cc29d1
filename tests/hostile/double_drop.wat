;; Gives the same handle back twice.
(module
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe-duration (param i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop (param i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (local $one i32)
    (local.set $one (call $subscribe-duration (i64.const 1)))
    (call $drop (local.get $one))
    (call $drop (local.get $one))
    (i32.const 12)))
