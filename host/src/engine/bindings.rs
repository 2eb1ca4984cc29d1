//! The host's side of `wit/`, which is generated.

wasmtime::component::bindgen!({
    path: "wit",
    world: "lambda",
    exports: { default: async },
});

pub(crate) mod streaming {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "lambda-streaming",
        with: {
            "bulkhead:lambda/types": crate::engine::bindings::bulkhead::lambda::types,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
        imports: { default: trappable },
        exports: { default: async },
    });
}
