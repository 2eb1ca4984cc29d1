//! Expands `#[main]`: wraps the author's `main` in a `main` that the linker of the target accepts.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{ItemFn, Result};

use crate::emitted::{self, local};
use crate::signature;

pub(crate) fn expand(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    signature::main(arguments, function)?;
    let visibility = &function.vis;
    let error = local("error");
    let fail = emitted::failure(Span::call_site(), &error);
    let export = emitted::export(&quote! {
        #function

        fn __bulkhead_handle(invocation: ::bulkhead::generated::Invocation) -> ::bulkhead::generated::Outcome {
            ::bulkhead::generated::invoke_main(invocation, || {
                match ::bulkhead::generated::Returned(::bulkhead::generated::block_on(main())?).into_result() {
                    ::core::result::Result::Ok(()) => ::core::result::Result::Ok(()),
                    ::core::result::Result::Err(#error) => ::core::result::Result::Err(#fail),
                }
            })
        }
    });
    Ok(quote! {
        #[allow(dead_code, missing_docs, reason = "a library does not call it, and its docs are those of the author's `main`")]
        #visibility fn main() -> ::std::process::ExitCode {
            ::bulkhead::generated::started_as_program()
        }

        #export
    })
}
