//! Expands `#[http_handler]`: emits the function unchanged, and the code that calls it with a request and
//! sends its response.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, Result};

use crate::emitted::{self, local};
use crate::signature;

pub(crate) fn expand(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let (request_type, response_type) = signature::http_handler(arguments, function)?;
    let [incoming, request, response, error] = ["incoming", "request", "response", "error"].map(local);
    // The compiler reports a type that does not fit at the place where it is written.
    let returned = response_type.span();
    let take = quote_spanned! { request_type.span()=>
        let #request: #request_type = ::bulkhead::http::request::<#request_type>(#incoming)?;
    };
    let call = emitted::call(function, &quote! { #request });
    let send = quote_spanned! { returned=> ::bulkhead::http::served(#response) };
    let failure = emitted::failure(returned, &error);
    let fail = quote_spanned! { returned=> ::core::result::Result::Err(#failure.into()) };
    let export = emitted::export_http(&quote! {
        fn __bulkhead_serve(#incoming: ::bulkhead::http::Incoming) -> ::bulkhead::http::Served {
            #take
            match ::bulkhead::generated::Returned(#call).into_result() {
                ::core::result::Result::Ok(#response) => #send,
                ::core::result::Result::Err(#error) => #fail,
            }
        }
    });
    Ok(emitted::handler(function, &export))
}
