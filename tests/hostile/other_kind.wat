;; Exports a watcher of a key-value store, which no event of Lambda's is for.
(component
  (instance $watcher)
  (export "wasi:keyvalue/watcher@0.2.0" (instance $watcher)))
