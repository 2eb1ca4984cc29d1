//! A component that imports both ids of `wasi:keyvalue`, and one of `wasi:config`.

use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use super::*;
use crate::capabilities::config;

struct Guest {
    key_value: KeyValue,
    table: ResourceTable,
}

/// The function `run` opens the store in both ids, and returns the sum of an increment in each, of one key.
const BOTH: &str = r#"
(component
  (type $store (instance
    (export "bucket" (type (sub resource)))
    (type $e (variant (case "no-such-store") (case "access-denied") (case "other" string)))
    (export "error" (type $error (eq $e)))
    (type $r (result (own 0) (error $error)))
    (export "open" (func (param "identifier" string) (result $r)))))
  (import "wasi:keyvalue/store@0.2.0-draft" (instance $one (type $store)))
  (import "wasi:keyvalue/store@0.2.0-draft2" (instance $two (type $store)))
  (alias export $one "bucket" (type $bucket1))
  (alias export $one "error" (type $error1))
  (alias export $two "bucket" (type $bucket2))
  (alias export $two "error" (type $error2))
  (import "wasi:keyvalue/atomics@0.2.0-draft" (instance $atomics1
    (alias outer 1 $bucket1 (type $b))
    (alias outer 1 $error1 (type $e))
    (export "bucket" (type $bucket (eq $b)))
    (export "error" (type $error (eq $e)))
    (type $r (result u64 (error $error)))
    (export "increment" (func (param "bucket" (borrow $bucket)) (param "key" string) (param "delta" u64) (result $r)))))
  (import "wasi:keyvalue/atomics@0.2.0-draft2" (instance $atomics2
    (alias outer 1 $bucket2 (type $b))
    (alias outer 1 $error2 (type $e))
    (export "bucket" (type $bucket (eq $b)))
    (export "error" (type $error (eq $e)))
    (type $r (result s64 (error $error)))
    (export "increment" (func (param "bucket" (borrow $bucket)) (param "key" string) (param "delta" s64) (result $r)))))
  (import "wasi:config/store@0.2.0-rc.1" (instance $config
    (type $e (variant (case "upstream" string) (case "io" string)))
    (export "error" (type $error (eq $e)))
    (type $o (option string))
    (type $r (result $o (error $error)))
    (export "get" (func (param "key" string) (result $r)))))
  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 16) "cache")
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      global.get $next
      global.get $next
      local.get 3
      i32.add
      i32.const 15
      i32.add
      i32.const -16
      i32.and
      global.set $next))
  (core instance $m (instantiate $memory))
  (core func $open1 (canon lower (func $one "open") (memory $m "memory") (realloc (func $m "realloc"))))
  (core func $open2 (canon lower (func $two "open") (memory $m "memory") (realloc (func $m "realloc"))))
  (core func $add1 (canon lower (func $atomics1 "increment") (memory $m "memory") (realloc (func $m "realloc"))))
  (core func $add2 (canon lower (func $atomics2 "increment") (memory $m "memory") (realloc (func $m "realloc"))))
  (core func $get (canon lower (func $config "get") (memory $m "memory") (realloc (func $m "realloc"))))
  (core module $main
    (import "m" "memory" (memory 1))
    (import "one" "open" (func $open1 (param i32 i32 i32)))
    (import "two" "open" (func $open2 (param i32 i32 i32)))
    (import "one" "add" (func $add1 (param i32 i32 i32 i64 i32)))
    (import "two" "add" (func $add2 (param i32 i32 i32 i64 i32)))
    (import "config" "get" (func $get (param i32 i32 i32)))
    (func (export "run") (result i64)
      (call $open1 (i32.const 16) (i32.const 5) (i32.const 32))
      (if (i32.load8_u (i32.const 32)) (then (return (i64.const -1))))
      (call $open2 (i32.const 16) (i32.const 5) (i32.const 64))
      (if (i32.load8_u (i32.const 64)) (then (return (i64.const -2))))
      (call $add1 (i32.load (i32.const 36)) (i32.const 16) (i32.const 5) (i64.const 40) (i32.const 96))
      (if (i32.load8_u (i32.const 96)) (then (return (i64.const -3))))
      (call $add2 (i32.load (i32.const 68)) (i32.const 16) (i32.const 5) (i64.const -50) (i32.const 128))
      (if (i32.load8_u (i32.const 128)) (then (return (i64.const -4))))
      ;; The unit of the configuration has so many bytes.
      (call $get (i32.const 16) (i32.const 5) (i32.const 160))
      (i64.add
        (i64.mul (i64.load (i32.const 104)) (i64.const 1000000))
        (i64.add
          (i64.mul (i64.load (i32.const 136)) (i64.const 1000))
          (i64.extend_i32_u (i32.load (i32.const 172)))))))
  (core instance $i (instantiate $main
    (with "m" (instance $m))
    (with "one" (instance (export "open" (func $open1)) (export "add" (func $add1))))
    (with "two" (instance (export "open" (func $open2)) (export "add" (func $add2))))
    (with "config" (instance (export "get" (func $get))))))
  (func (export "run") (result s64) (canon lift (core func $i "run"))))
"#;

async fn run(grant: bool) -> i64 {
    let (engine, _) = crate::engine::start(1).unwrap();
    let component = Component::from_binary(&engine, &wat::parse_str(BOTH).unwrap()).unwrap();
    let mut linker = Linker::<Guest>::new(&engine);
    add_to_linker(&mut linker, |guest| View { key_value: &mut guest.key_value, table: &mut guest.table })
        .unwrap();
    config::add_to_linker(&mut linker, |guest| guest.key_value.policy()).unwrap();
    let (key_value, table) = sandbox(&stores(quiet()), Some("acme"), |policy| {
        policy.config.insert("cache".to_owned(), "seven..".to_owned());
        if !grant {
            policy.grants.key_value.clear();
        }
    });
    let mut store = Store::new(&engine, Guest { key_value, table });
    store.set_epoch_deadline(1);
    let instance = linker.instantiate_async(&mut store, &component).await.unwrap();
    let run = instance.get_typed_func::<(), (i64,)>(&mut store, "run").unwrap();
    run.call_async(&mut store, ()).await.unwrap().0
}

#[tokio::test]
async fn both_ids_in_one_component_have_the_same_data() {
    // 0 + 40 in the one, 40 - 50 in the other, and 7 bytes of configuration.
    assert_eq!(run(true).await, 40 * 1_000_000 - 10 * 1_000 + 7);
    assert_eq!(run(false).await, -1, "nothing is granted");
}
