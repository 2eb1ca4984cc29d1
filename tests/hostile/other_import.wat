;; Imports a function of WASI with other parameters than it has.
(component
  (import "wasi:random/random@0.2.0" (instance (export "get-random-u64" (func (param "seed" u64) (result string)))))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
