;; Has two more modules of a few bytes, whose tables would have a million entries each in native code.
;; beside 1: (module (func $f) (table 1000000 funcref) (elem (i32.const 999999) func $f))
;; beside 1: (module (func $f) (table 1000000 funcref) (elem (i32.const 999999) func $f))
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) (i32.const 12)))
