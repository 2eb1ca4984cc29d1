//! Expands `#[streaming_handler]`: emits the function unchanged, and the code that calls it with an event and
//! a response to write to.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, Result};

use crate::emitted::{self, local};
use crate::signature;

pub(crate) fn expand(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let [event_type, response_type] = signature::streaming_handler(arguments, function)?;
    let [invocation, event, response, error] = ["invocation", "event", "response", "error"].map(local);
    let take =
        quote_spanned! { event_type.span()=> ::bulkhead::generated::only::<#event_type>(#invocation)? };
    let open = quote_spanned! { response_type.span()=> let #response: #response_type = ::bulkhead::generated::response_stream(); };
    let call = emitted::call(function, &quote! { #event, #response });
    // The compiler reports a type that does not fit at the place where it is written.
    let returned = emitted::returned(function);
    let nothing = quote_spanned! { returned=> ::core::result::Result::Ok(()) };
    let fail = emitted::failure(returned, &error);
    let export = emitted::export_streaming(&quote! {
        fn __bulkhead_handle(#invocation: ::bulkhead::generated::Invocation) -> ::bulkhead::generated::Streamed {
            let #event = #take;
            #open
            match ::bulkhead::generated::Returned(#call).into_result() {
                #nothing => ::core::result::Result::Ok(()),
                ::core::result::Result::Err(#error) => ::core::result::Result::Err(#fail),
            }
        }
    });
    Ok(emitted::handler(function, &export))
}
