;; Waits for one pollable a million times over.
(module
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe-duration (param i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "poll" (func $poll (param i32 i32 i32)))
  (memory (export "memory") 240)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (local $at i32)
    (local $one i32)
    (local.set $one (call $subscribe-duration (i64.const 1)))
    (local.set $at (i32.const 4096))
    (loop $again
      (i32.store (local.get $at) (local.get $one))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $again (i32.lt_u (local.get $at) (i32.const 4004096))))
    (loop $for-ever
      (call $poll (i32.const 4096) (i32.const 1000000) (i32.const 32))
      (br $for-ever))
    (i32.const 12)))
