//! Owns `#[init]`: the function unchanged, and beside it the export that does its work ahead of all events.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, Result};

use crate::{emitted, signature};

pub(crate) fn expand(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    signature::init(arguments, function)?;
    let name = &function.sig.ident;
    // For the compiler to point at a type that will not do.
    let call = quote_spanned! { function.sig.output.span()=> ::bulkhead::generated::Returned(#name()).into_result() };
    let export = emitted::export_init(&quote! {
        fn __bulkhead_initialize() -> ::bulkhead::generated::Initialized {
            match #call {
                ::core::result::Result::Ok(()) => ::core::result::Result::Ok(()),
                ::core::result::Result::Err(error) => ::core::result::Result::Err(
                    (&&&&&::bulkhead::generated::Thrown::of(&error)).failure(error),
                ),
            }
        }
    });
    Ok(quote! {
        #function
        #export
    })
}
