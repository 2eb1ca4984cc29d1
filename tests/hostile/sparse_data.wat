;; Has two more modules of a few bytes, whose memories would be 63 MiB each in native code.
;; beside 1: (module (memory 1024) (data (i32.const 0) "a") (data (i32.const 66060288) "b"))
;; beside 1: (module (memory 1024) (data (i32.const 0) "a") (data (i32.const 66060288) "b"))
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) (i32.const 12)))
