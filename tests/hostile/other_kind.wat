;; Exports a handler that streams its responses.
(component
  (instance $handler)
  (export "bulkhead:lambda/streaming-handler@0.1.0" (instance $handler)))
