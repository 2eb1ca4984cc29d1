;; Has 10000 functions.
(component
  (core module $module
;; repeat 10000:    (func (result i32) (i32.const 1))
  )
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
