;; Fills a table again and again, in instructions that take long each.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (table $table 90000 funcref)
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (loop $again
      (table.fill $table (i32.const 0) (ref.null func) (i32.const 90000))
      (br $again))
    (i32.const 12)))
