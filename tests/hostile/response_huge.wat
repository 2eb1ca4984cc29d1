;; Answers with 32 MiB.
(module
  (memory (export "memory") 600)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (data (i32.const 16) "\00\00\00\00\00\00\00\02")
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (i32.const 12)))
