;; Has a function with more locals than there may be.
(component
  (core module
    (func
;; repeat 50001: (local i64)
    ))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
