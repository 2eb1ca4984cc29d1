;; Imports a version of WASI that this host does not have.
(component
  (import "wasi:clocks/monotonic-clock@0.9.0" (instance (export "now" (func (result u64)))))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
