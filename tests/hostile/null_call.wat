;; Calls nothing.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (type $step (func))
  (table 1 funcref)
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (call_indirect (type $step) (i32.const 0))
    (i32.const 12)))
