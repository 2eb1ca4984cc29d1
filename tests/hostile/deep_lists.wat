;; Has a type that is 100000 lists deep.
(component
  (type (list u8))
;; repeat 100000: (type (list 0))
  (instance $handler)
  (export "bulkhead:lambda/handler@0.1.0" (instance $handler)))
