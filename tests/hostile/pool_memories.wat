;; Has fifteen memories beside its own, of which none has a page.
;; beside 5: (module (memory 0) (memory 0) (memory 0))
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) (i32.const 12)))
