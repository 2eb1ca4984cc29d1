;; Imports a bare function by a name that no host has.
(component
  (import "run-as-root" (func (param "command" string)))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
