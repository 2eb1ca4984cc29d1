//! The host's side of `wit/`, which is generated.

wasmtime::component::bindgen!({
    path: "wit",
    world: "lambda",
    // A context is passed without copying its texts.
    ownership: Borrowing { duplicate_if_necessary: false },
    exports: { default: async },
});

pub(crate) mod streaming {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "lambda-streaming",
        ownership: Borrowing { duplicate_if_necessary: false },
        with: {
            "bulkhead:lambda/types": crate::engine::bindings::bulkhead::lambda::types,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
        imports: { default: trappable },
        exports: { default: async },
    });
}
