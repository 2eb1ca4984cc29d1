;; Has one function of 8 MB.
(component
  (core module
    (func (result i32) i32.const 0
;; repeat 2700000: i32.const 1 i32.add
    ))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
