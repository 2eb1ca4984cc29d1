;; Recurses without end through a table, by two functions.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (type $step (func))
  (table 2 funcref)
  (elem (i32.const 0) $one $two)
  (func $one (call_indirect (type $step) (i32.const 1)) (nop))
  (func $two (call_indirect (type $step) (i32.const 0)) (nop))
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (call $one)
    (i32.const 12)))
