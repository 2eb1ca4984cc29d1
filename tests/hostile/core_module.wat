;; A core module, which is no component.
(module (func (export "handle")))
