//! Owns what several attributes emit: errors beside the unchanged item, the call of the function, its failure, and the export.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, ReturnType};

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

/// A local variable that nothing of the author's can be mistaken for, least of all a handler of the same name.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The call of the function with these arguments; an `async` one is run to its end.
pub(crate) fn call(function: &ItemFn, arguments: &TokenStream) -> TokenStream {
    let name = &function.sig.ident;
    let call = quote! { #name(#arguments) };
    match function.sig.asyncness {
        Some(_) => quote! { ::bulkhead::generated::block_on(#call)? },
        None => call,
    }
}

/// Where the compiler points if something is wrong with the type that the function returns.
pub(crate) fn returned(function: &ItemFn) -> Span {
    match &function.sig.output {
        ReturnType::Default => Span::call_site(),
        ReturnType::Type(_, returned) => returned.span(),
    }
}

/// What the error in this variable is reported as, whatever its type; `returned` is the place of that type.
pub(crate) fn failure(returned: Span, error: &Ident) -> TokenStream {
    quote_spanned! { returned=> (&&&&&::bulkhead::generated::Thrown::of(&#error)).failure(#error) }
}

/// The handler unchanged, without the lints that its form gives it no way to follow, and its export beside it.
pub(crate) fn handler(function: &ItemFn, export: &TokenStream) -> TokenStream {
    quote! {
        #[allow(
            clippy::needless_pass_by_value,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            reason = "a handler has one of a few forms"
        )]
        #function
        #export
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
