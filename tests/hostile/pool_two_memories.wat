;; Has two memories, for which there is hardly any address space where there is no pool.
(module
  (memory (export "memory") 1)
  (memory 0)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) (i32.const 12)))
