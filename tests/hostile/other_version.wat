;; Exports a handler of a version that is not there yet.
(component
  (instance $handler)
  (export "bulkhead:lambda/handler@0.9.0" (instance $handler)))
