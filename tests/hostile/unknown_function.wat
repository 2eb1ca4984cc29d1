;; Imports a function of WASI that there is not.
(component
  (import "wasi:cli/environment@0.2.0" (instance (export "launch-missiles" (func))))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
