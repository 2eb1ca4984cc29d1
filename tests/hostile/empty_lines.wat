;; Prints nothing but ends of lines.
(module
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $get-stdout (result i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
  (memory (export "memory") 20)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
    (local $out i32)
    (memory.fill (i32.const 4096) (i32.const 10) (i32.const 65536))
    (local.set $out (call $get-stdout))
    (loop $again
      (call $write (local.get $out) (i32.const 4096) (i32.const 65536) (i32.const 32))
      (br $again))
    (i32.const 12)))
