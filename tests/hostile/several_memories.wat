;; Grows two memories, each within the limit.
(module
  (memory (export "memory") 1)
  (memory $second 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (if (i32.eq (memory.grow 0 (i32.const 150)) (i32.const -1)) (then unreachable))
    (if (i32.eq (memory.grow $second (i32.const 150)) (i32.const -1)) (then unreachable))
    (i32.const 12)))
