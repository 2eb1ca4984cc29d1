;; Calls a function as if it were another.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (type $step (func (param i64 i64) (result i64)))
  (table 1 funcref)
  (elem (i32.const 0) $none)
  (func $none)
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (drop (call_indirect (type $step) (i64.const 1) (i64.const 2) (i32.const 0)))
    (i32.const 12)))
