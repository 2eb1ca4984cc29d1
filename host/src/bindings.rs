//! The host's side of `wit/`, generated. Nothing here is written by hand.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "lambda",
    exports: { default: async },
});
