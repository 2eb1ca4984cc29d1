//! Components out of text, for guests that no compiler would make.
//!
//! May use: nothing.

use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What every handler exports; a response is the list of bytes at 16, its length at 20, and 0 at 12 says that it
/// is one.
pub(crate) const EXPORTS: &str = r#"
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
"#;
/// A `handle` that answers with an empty response.
pub(crate) const REPLY: &str = r#"
    (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) i32.const 12)
"#;
/// A world of handlers that import a few functions of WASI by their bare names. `wasi:io` is in the contract's own folder.
const WORLD: &str = r"
    package hostile:guest;
    world guest {
        include bulkhead:lambda/lambda@0.1.0;
        import wasi:cli/exit@0.2.0;
        import wasi:cli/stdout@0.2.0;
        import wasi:clocks/monotonic-clock@0.2.0;
        import wasi:io/poll@0.2.0;
        import wasi:io/streams@0.2.0;
        import wasi:random/random@0.2.0;
    }
    package wasi:cli@0.2.0 {
        interface exit { exit: func(status: result); }
        interface stdout { use wasi:io/streams@0.2.0.{output-stream}; get-stdout: func() -> output-stream; }
    }
    package wasi:clocks@0.2.0 {
        interface monotonic-clock {
            use wasi:io/poll@0.2.0.{pollable};
            subscribe-duration: func(when: u64) -> pollable;
        }
    }
    package wasi:random@0.2.0 {
        interface random { get-random-bytes: func(len: u64) -> list<u8>; }
    }
";

/// Where a file of `tests/hostile` lies.
pub(crate) fn hostile(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hostile").join(file)
}

/// The component around the fields of a core module.
pub(crate) fn handler(fields: &str) -> Vec<u8> {
    component(&format!("(module {fields})"))
}

/// A component as text, or the component around a core module; with lines such as `;; beside 5: (module)`, which stand for
/// five instances of a module beside what else is in it.
pub(crate) fn component(text: &str) -> Vec<u8> {
    let wasm = assemble(text);
    // The layer: a component's is 1.
    let mut component = if wasm[6] == 1 { wasm } else { around(wasm) };
    for (times, module) in told(text, ";; beside ") {
        let index = core_modules(&component);
        section(&mut component, 1, &wat::parse_str(module).expect("a core module"));
        let mut instances = leb128(times);
        // Each instantiates the module, and gives it nothing.
        (0..times).for_each(|_| instances.extend([&[0][..], &leb128(index), &[0]].concat()));
        section(&mut component, 2, &instances);
    }
    component
}

/// Adds a section to a component.
fn section(component: &mut Vec<u8>, id: u8, content: &[u8]) {
    component.push(id);
    component.extend(leb128(content.len()));
    component.extend(content);
}

/// The core modules that a component has itself.
fn core_modules(component: &[u8]) -> usize {
    let (mut count, mut rest) = (0, &component[8..]);
    while let [id, after @ ..] = rest {
        let ends = after.iter().position(|byte| byte & 0x80 == 0).expect("a length") + 1;
        let length =
            after[..ends].iter().rev().fold(0, |length, byte| (length << 7) | usize::from(byte & 0x7f));
        count += usize::from(*id == 1);
        rest = &after[ends + length..];
    }
    count
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        bytes.push(if number == 0 { byte } else { byte | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

/// The lines that begin like this, a number and a colon: the number, and what comes behind the colon.
fn told<'a>(text: &'a str, prefix: &str) -> Vec<(usize, &'a str)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(prefix)?.split_once(": "));
    lines.map(|(times, rest)| (times.parse().expect("how often"), rest)).collect()
}

/// Text as it is, but for lines such as `;; repeat 1000: (func)`, which stand for a thousand functions.
pub(crate) fn assemble(text: &str) -> Vec<u8> {
    let lines = text.lines().map(|line| {
        let repeated = line.strip_prefix(";; repeat ").and_then(|rest| rest.split_once(": "));
        repeated.map_or_else(
            || line.to_owned(),
            |(times, line)| format!("{line}\n").repeat(times.parse().expect("how often")),
        )
    });
    wat::parse_str(lines.collect::<Vec<_>>().join("\n")).expect("a component or a core module")
}

fn around(wasm: Vec<u8>) -> Vec<u8> {
    of_world(wasm, "hostile:guest/guest")
}

/// The engine of scripts around the fields of a core module.
pub(crate) fn engine(fields: &str) -> Vec<u8> {
    of_world(assemble(&format!("(module {fields})")), "bulkhead:lambda/lambda-engine")
}

fn of_world(wasm: Vec<u8>, world: &str) -> Vec<u8> {
    let wasm = with_world(wasm, world);
    let encoder = ComponentEncoder::default();
    encoder.module(&wasm).expect("a module of that world").encode().expect("a component")
}

/// A core module that says what its world is: `hostile:guest/guest`, or one of the contract's.
pub(crate) fn with_world(mut wasm: Vec<u8>, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");
    let (contract, _) = resolve.push_path(wit).expect("the contract");
    let guest = resolve.push_str("guest.wit", WORLD).expect("the world of hostile guests");
    let world = resolve.select_world(&[contract, guest], Some(world)).expect("its world");
    embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).expect("a place for its type");
    wasm
}
