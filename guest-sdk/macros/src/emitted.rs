//! The code that several attributes emit: errors beside the unchanged item, the call of the function, its
//! failure, and the export.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, ReturnType};

/// Calls `expand` with the attribute's input. If that fails, the item is emitted with the error, so that one
/// mistake does not cause further errors wherever the item is used.
pub(crate) fn attribute(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
    expand: fn(&TokenStream, &ItemFn) -> syn::Result<TokenStream>,
) -> proc_macro::TokenStream {
    let tokens = TokenStream::from(item.clone());
    syn::parse(item)
        .map_err(|_| syn::Error::new_spanned(&tokens, "this attribute can only be applied to a function"))
        .and_then(|function| expand(&arguments.into(), &function))
        .unwrap_or_else(|error| {
            let errors = error.into_compile_error();
            quote! { #errors #tokens }
        })
        .into()
}

/// A local variable that cannot collide with a name of the author's, such as that of the handler.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The call of the function with these arguments; an `async` function is polled until it ends.
pub(crate) fn call(function: &ItemFn, arguments: &TokenStream) -> TokenStream {
    let name = &function.sig.ident;
    let call = quote! { #name(#arguments) };
    match function.sig.asyncness {
        Some(_) => quote! { ::bulkhead::generated::block_on(#call)? },
        None => call,
    }
}

/// The span to which the compiler points if the function's return type does not fit.
pub(crate) fn returned(function: &ItemFn) -> Span {
    match &function.sig.output {
        ReturnType::Default => Span::call_site(),
        ReturnType::Type(_, returned) => returned.span(),
    }
}

/// The failure for the error in this variable, whatever its type; `returned` is the span of that type.
pub(crate) fn failure(returned: Span, error: &Ident) -> TokenStream {
    quote_spanned! { returned=> (&&&&&::bulkhead::generated::Thrown::of(&#error)).failure(#error) }
}

/// The unchanged handler, without the lints that it cannot follow because of its required signature, and its
/// export.
pub(crate) fn handler(function: &ItemFn, export: &TokenStream) -> TokenStream {
    quote! {
        #[allow(
            clippy::needless_pass_by_value,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            reason = "the signature of a handler is prescribed"
        )]
        #function
        #export
    }
}

/// Wraps `handle`, which contains a function `__bulkhead_handle` from invocation to outcome, so that it is
/// checked on every target and exported on the target of components.
pub(crate) fn export(handle: &TokenStream) -> TokenStream {
    let exported = quote! { ::bulkhead::__export!(__bulkhead_handle); };
    wrapped(handle, &exported)
}

/// Wraps `handle` for a streaming handler.
pub(crate) fn export_streaming(handle: &TokenStream) -> TokenStream {
    let exported = quote! { ::bulkhead::__export_streaming_handler!(__bulkhead_handle); };
    wrapped(handle, &exported)
}

/// Wraps `serve`, which contains a function `__bulkhead_serve` from request to response.
pub(crate) fn export_http(serve: &TokenStream) -> TokenStream {
    let exported = quote! { ::bulkhead::__export_http_handler!(__bulkhead_serve); };
    wrapped(serve, &exported)
}

/// Wraps `initialize`, which contains a function `__bulkhead_initialize` that runs the init function.
pub(crate) fn export_init(initialize: &TokenStream) -> TokenStream {
    let exported = quote! { ::bulkhead::__export_init!(__bulkhead_initialize); };
    wrapped(initialize, &exported)
}

/// The lints of the author's crate do not apply to this code.
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
