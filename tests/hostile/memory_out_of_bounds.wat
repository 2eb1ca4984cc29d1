;; Reads beyond its memory.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (i32.load (i32.const 0x80000000))))
