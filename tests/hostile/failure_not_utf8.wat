;; Fails with an error type that is no text.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (data (i32.const 12) "\01\00\00\00\64\00\00\00\04\00\00\00\64\00\00\00\04\00\00\00")
  (data (i32.const 100) "\ff\fe\fd\fc")
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (i32.const 12)))
