;; Exports a handler that has nothing to call.
(component
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
