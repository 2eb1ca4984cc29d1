;; Wants a memory of 64-bit addresses.
(component
  (core module (memory i64 1))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
