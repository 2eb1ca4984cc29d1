;; Exports a handler that takes nothing and returns a number.
(component
  (core module $module (func (export "handle") (result i32) (i32.const 7)))
  (core instance $instance (instantiate $module))
  (func $handle (result u32) (canon lift (core func $instance "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
