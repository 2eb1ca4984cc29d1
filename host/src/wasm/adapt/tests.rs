use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::*;
use crate::wasm::{Kind, names};

/// A program that prints, as a C compiler would make it.
const PRINTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\03\00\00\00hi\n")
    (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;

/// A handler with a description of its world, that prints through preview 1.
fn reactor(world: &str) -> Vec<u8> {
    let mut wasm = wat::parse_str(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_initialize"))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32)
                (drop (call $write (i32.const 1) (i32.const 32) (i32.const 0) (i32.const 16)))
                i32.const 12))"#,
    )
    .unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/wit")).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).unwrap();
    wasm
}

fn kind(component: &[u8]) -> Kind {
    Kind::of(&names::read(component).unwrap().exports).unwrap()
}

fn error(wat: &str) -> String {
    adapt(&wat::parse_str(wat).unwrap()).unwrap_err().to_string()
}

/// Whether this host has all that a component imports.
fn links(component: &[u8]) {
    let (engine, _) = crate::engine::start(1).unwrap();
    let imports = crate::capabilities::imports(&engine).unwrap();
    let component = wasmtime::component::Component::from_binary(&engine, component).unwrap();
    imports.instantiate_pre(&component).unwrap();
}

#[test]
fn a_program_becomes_a_command_and_a_reactor_what_its_world_says() {
    let command = adapt(&wat::parse_str(PRINTS).unwrap()).unwrap();
    assert_eq!(kind(&command), Kind::Command);
    links(&command);
    let handler = adapt_with_world(&reactor("lambda")).unwrap();
    assert_eq!(kind(&handler), Kind::Handler);
    assert!(
        names::read(&handler).unwrap().imports.iter().any(|name| name.starts_with("wasi:cli/stdout@0.2."))
    );
    links(&handler);
}

#[test]
#[expect(clippy::wildcard_enum_match_arm, reason = "functions are all that it exports")]
fn all_of_the_adapter_s_functions_are_there_and_all_that_it_imports_is_linked() {
    for adapter in [COMMAND, REACTOR] {
        let functions = Module::read(adapter).unwrap().exports;
        assert!(functions.len() > 40, "{functions:?}");
    }
    // Each of them is imported, so that no import of the adapter is left out of the component.
    let mut validator = wasmparser::Validator::new();
    let types = validator.validate_all(REACTOR).unwrap();
    let of = |name: &str| {
        types.as_ref().core_exports().unwrap().find_map(|(found, ty)| match ty {
            wasmparser::types::EntityType::Func(id) if found == name => Some(types[id].unwrap_func().clone()),
            _ => None,
        })
    };
    let list =
        |types: &[wasmparser::ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let mut imports = String::new();
    for name in Module::read(REACTOR).unwrap().exports {
        let Some(function) = of(name).filter(|_| !name.starts_with("cabi_")) else { continue };
        let (takes, gives) = (list(function.params()), list(function.results()));
        imports += &format!(r#"(import "{PREVIEW1}" "{name}" (func (param {takes}) (result {gives})))"#);
    }
    let module = format!(r#"(module {imports} (memory (export "memory") 1) (func (export "_start")))"#);
    links(&adapt(&wat::parse_str(module).unwrap()).unwrap());
}

#[test]
fn what_cannot_be_adapted_says_why() {
    for (wat, text) in [
        ("(module)", "it exports nothing, and neither _start nor"),
        (r#"(module (func (export "add")))"#, "it exports add, and neither"),
        (r#"(module (import "env" "f" (func)) (func (export "_start")))"#, "it imports env f, which nothing"),
        (
            r#"(module (import "wasi:io/poll@0.2.0" "poll" (func)) (func (export "_start")))"#,
            "custom sections",
        ),
        (
            r#"(module (import "wasi_snapshot_preview1" "sock_open" (func)) (func (export "_start")))"#,
            "an extension of another runtime",
        ),
        (
            r#"(module (import "env" "memory" (memory 1 2 shared)) (import "wasi" "thread-spawn" (func))
                (func (export "_start")))"#,
            "it uses threads, which this host disables",
        ),
        (r#"(module (memory i64 1) (func (export "run")))"#, "memory64"),
        (
            r#"(module (import "wasi_snapshot_preview1" "fd_write" (func)) (func (export "_start")))"#,
            "the adapter for WASI preview 1 rejects it: ",
        ),
    ] {
        let error = error(wat);
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn nothing_in_a_module_of_anyone_s_makes_the_adapter_panic() {
    let whole = wat::parse_str(PRINTS).unwrap();
    for length in 8..whole.len() {
        // One that is cut between two sections is a module still.
        let error = adapt(&whole[..length]).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!error.contains("a bug"), "cut to {length}: {error}");
    }
    for bit in 64..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = adapt(&flipped).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!error.contains("a bug"), "bit {bit}: {error}");
    }
}

#[test]
fn a_world_is_read_only_where_that_was_asked_for() {
    let error = adapt(&reactor("lambda")).unwrap_err();
    assert!(
        matches!(error, AdaptError::World) && error.to_string().contains("`bulkhead compile`"),
        "{error}"
    );
    assert_eq!(adapt_with_world(&reactor("lambda")).unwrap(), adapt_with_world(&reactor("lambda")).unwrap());
}
