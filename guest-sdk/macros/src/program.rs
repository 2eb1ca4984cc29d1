//! Expands `#[main]` and its like: wraps the author's `main` in a `main` that the linker of the target
//! accepts.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{ItemFn, Result};

use crate::emitted::{self, local};
use crate::signature;

/// A `main` that handles an event.
pub(crate) fn expand(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    signature::main(arguments, function)?;
    let started = started();
    Ok(around(
        function,
        &emitted::export(&quote! {
            #function

            fn __bulkhead_handle(invocation: ::bulkhead::generated::Invocation) -> ::bulkhead::generated::Outcome {
                ::bulkhead::generated::invoke_main(invocation, || #started)
            }
        }),
    ))
}

/// A `main` that handles an event whose response is sent while it is made.
pub(crate) fn expand_streaming(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    signature::main(arguments, function)?;
    let started = started();
    Ok(around(
        function,
        &emitted::export_streaming(&quote! {
            #function

            fn __bulkhead_handle(invocation: ::bulkhead::generated::Invocation) -> ::bulkhead::generated::Streamed {
                let stream = ::bulkhead::generated::response_stream();
                ::bulkhead::generated::invoke_streaming_main(invocation, stream, || #started)
            }
        }),
    ))
}

/// A `main` that handles an HTTP request.
pub(crate) fn expand_http(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    signature::main(arguments, function)?;
    let started = started();
    Ok(around(
        function,
        &emitted::export_http(&quote! {
            #function

            fn __bulkhead_serve(incoming: ::bulkhead::http::Incoming) -> ::bulkhead::http::Served {
                ::bulkhead::http::invoke_http_main(incoming, || #started)
            }
        }),
    ))
}

/// Runs the author's `main`; its value is a `Result` with a failure.
fn started() -> TokenStream {
    let error = local("error");
    let fail = emitted::failure(Span::call_site(), &error);
    quote! {
        match ::bulkhead::generated::Returned(::bulkhead::generated::block_on(main())?).into_result() {
            ::core::result::Result::Ok(()) => ::core::result::Result::Ok(()),
            ::core::result::Result::Err(#error) => ::core::result::Result::Err(#fail),
        }
    }
}

/// The program, which only says how to run it, beside the export that contains the author's `main`.
fn around(function: &ItemFn, export: &TokenStream) -> TokenStream {
    let visibility = &function.vis;
    quote! {
        #[allow(dead_code, missing_docs, reason = "a library does not call it, and its docs are those of the author's `main`")]
        #visibility fn main() -> ::std::process::ExitCode {
            ::bulkhead::generated::started_as_program()
        }

        #export
    }
}
