;; Has 2000 instances of a module.
(component
  (core module $module)
;; repeat 2000: (core instance (instantiate $module))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
