;; Wants a memory that threads share.
(component
  (core module (memory 1 1 shared))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
