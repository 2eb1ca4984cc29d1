;; Fails with a million empty frames.
(module
  (memory (export "memory") 240)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (data (i32.const 12) "\01\00\00\00\64\00\00\00\04\00\00\00\64\00\00\00\04\00\00\00\00\00\01\00\40\42\0f\00")
  (data (i32.const 100) "Many")
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (i32.const 12)))
