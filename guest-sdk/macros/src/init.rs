//! Expands `#[init]`: emits the function unchanged, and the export that runs it at compile time.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{ItemFn, Result};

use crate::emitted::{self, local};
use crate::signature;

pub(crate) fn expand(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    signature::init(arguments, function)?;
    let name = &function.sig.ident;
    let error = local("error");
    // The compiler reports a type that does not fit at the place where it is written.
    let returned = emitted::returned(function);
    let nothing = quote_spanned! { returned=> ::core::result::Result::Ok(()) };
    let fail = emitted::failure(returned, &error);
    let export = emitted::export_init(&quote! {
        fn __bulkhead_initialize() -> ::bulkhead::generated::Initialized {
            match ::bulkhead::generated::Returned(#name()).into_result() {
                #nothing => ::core::result::Result::Ok(()),
                ::core::result::Result::Err(#error) => ::core::result::Result::Err(#fail),
            }
        }
    });
    Ok(quote! {
        #function
        #export
    })
}
