//! The host's side of both ids of `wasi:keyvalue`, which is generated.

/// The id of Wasmtime and wasmCloud.
#[expect(clippy::error_impl_error, reason = "generated, with the name in the interface")]
pub(super) mod draft {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "wasi:keyvalue/imports@0.2.0-draft",
        imports: { default: async | trappable },
        with: { "wasi:keyvalue/store.bucket": crate::capabilities::key_value::view::Bucket },
        trappable_error_type: { "wasi:keyvalue/store@0.2.0-draft.error" => crate::capabilities::key_value::Failed },
    });
}

/// The id of Spin.
#[expect(clippy::error_impl_error, reason = "generated, with the name in the interface")]
pub(super) mod draft2 {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "wasi:keyvalue/imports@0.2.0-draft2",
        imports: { default: async | trappable },
        with: {
            "wasi:keyvalue/store.bucket": crate::capabilities::key_value::view::Bucket,
            "wasi:keyvalue/atomics.cas": crate::capabilities::key_value::view::Cas,
        },
        trappable_error_type: { "wasi:keyvalue/store@0.2.0-draft2.error" => crate::capabilities::key_value::Failed },
    });
}
