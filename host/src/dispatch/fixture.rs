//! Engines of scripts out of text, for the tests of this room.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise, also in its helpers")]

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// An engine that compiles a file by these instructions. The path is in the first two parameters, the content in the next two, and
/// the result at 16. Its handler answers nothing.
pub(super) fn engine(compile: &str) -> Vec<u8> {
    let module = format!(
        r#"(module
            (memory (export "memory") 2)
            (global $free (mut i32) (i32.const 4096))
            (data (i32.const 1024) "odd")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (global.get $free))
                (global.set $free (i32.add (global.get $free) (local.get 3)))
                (local.get $at))
            (func (export "bulkhead:lambda/script-handler@0.1.0#handle") (param i32) (result i32) i32.const 12)
            (func (export "bulkhead:lambda/script-compiler@0.1.0#compile") (param i32 i32 i32 i32) (result i32)
                {compile}
                (i32.const 16)))"#
    );
    let mut wasm = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path("wit").unwrap();
    let world = resolve.select_world(&[package], Some("lambda-engine")).unwrap();
    embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&wasm).unwrap().encode().unwrap()
}
