;; Has 10000 blocks, one within the other.
(component
  (core module
    (func
;; repeat 10000: block
;; repeat 10000: end
    ))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
