//! The signatures, which are written by hand, are those of the WIT.

use wasmtime::component::Component;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

use crate::capabilities::imports;

/// A component that imports all that a world of the WIT has.
fn importing_all_of(world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path("wit").unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

#[test]
fn every_function_of_the_wit_is_there_with_its_signature() {
    let (engine, _) = crate::engine::start(1).unwrap();
    let imports = imports(&engine).unwrap();
    let ids = [
        ("wasi:keyvalue/imports@0.2.0-draft", 3),
        ("wasi:keyvalue/imports@0.2.0-draft2", 3),
        ("wasi:config/imports@0.2.0-rc.1", 1),
        ("wasi:config/imports@0.2.0-draft-2024-09-27", 1),
    ];
    for (world, interfaces) in ids {
        let component = Component::from_binary(&engine, &importing_all_of(world)).unwrap();
        assert_eq!(component.component_type().imports(&engine).count(), interfaces, "{world}");
        imports.instantiate_pre(&component).unwrap_or_else(|error| panic!("{world}: {error:?}"));
    }
}
