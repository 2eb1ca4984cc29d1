//! Owns what all attributes emit: errors beside the unchanged item, and the export.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

/// Turns the attribute's input into what `expand` makes of it. Where that is an error, the item stays, so that one mistake
/// does not lead to messages about everything that uses the item.
pub(crate) fn attribute(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
    expand: fn(&TokenStream, &ItemFn) -> syn::Result<TokenStream>,
) -> proc_macro::TokenStream {
    let tokens = TokenStream::from(item.clone());
    syn::parse(item)
        .map_err(|_| syn::Error::new_spanned(&tokens, "this attribute goes on a function"))
        .and_then(|function| expand(&arguments.into(), &function))
        .unwrap_or_else(|error| {
            let errors = error.into_compile_error();
            quote! { #errors #tokens }
        })
        .into()
}

/// Lints that a handler's form gives it no way to follow.
pub(crate) fn allowed_on_handler() -> TokenStream {
    quote! {
        #[allow(
            clippy::needless_pass_by_value,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            reason = "a handler has one of a few forms"
        )]
    }
}

/// Wraps `handle`, a function `__bulkhead_handle` from invocation to outcome and all that belongs to it, so that it is
/// checked on every target and exported where there is a host.
pub(crate) fn export(handle: &TokenStream) -> TokenStream {
    let exported = quote! { ::bulkhead::__export!(__bulkhead_handle); };
    wrapped(handle, &exported)
}

/// The same for a streaming handler.
pub(crate) fn export_streaming(handle: &TokenStream) -> TokenStream {
    let exported = quote! { ::bulkhead::__export_streaming_handler!(__bulkhead_handle); };
    wrapped(handle, &exported)
}

/// The same for `serve`, a function `__bulkhead_serve` from request to response.
pub(crate) fn export_http(serve: &TokenStream) -> TokenStream {
    let exported = quote! { ::bulkhead::__export_http_handler!(__bulkhead_serve); };
    wrapped(serve, &exported)
}

/// The same for `initialize`, a function `__bulkhead_initialize` that does the work ahead of all events.
pub(crate) fn export_init(initialize: &TokenStream) -> TokenStream {
    let exported = quote! { ::bulkhead::__export_init!(__bulkhead_initialize); };
    wrapped(initialize, &exported)
}

/// No lint of the author's crate is about this code.
fn wrapped(function: &TokenStream, exported: &TokenStream) -> TokenStream {
    quote! {
        #[allow(
            dead_code,
            missing_debug_implementations,
            missing_docs,
            unreachable_pub,
            unsafe_code,
            unused_imports,
            unused_qualifications,
            clippy::all,
            clippy::nursery,
            clippy::pedantic,
            clippy::restriction,
            reason = "emitted by bulkhead"
        )]
        const _: () = {
            use ::bulkhead::generated::{
                BoxedError as _, DiagnosticError as _, IntoDiagnostic as _, NamedError as _, Value as _,
            };

            #function

            #[cfg(target_family = "wasm")]
            #exported
        };
    }
}
