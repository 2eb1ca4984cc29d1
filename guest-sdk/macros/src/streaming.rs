//! Owns `#[streaming_handler]`: the function unchanged, and beside it the code that gives it an event and a response to write to.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, Result, ReturnType};

use crate::{emitted, signature};

pub(crate) fn expand(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let [event_type, response_type] = signature::streaming_handler(arguments, function)?;
    let [invocation, event, response, error] =
        ["invocation", "event", "response", "error"].map(|name| Ident::new(name, Span::mixed_site()));
    let name = &function.sig.ident;
    let take =
        quote_spanned! { event_type.span()=> ::bulkhead::generated::only::<#event_type>(#invocation)? };
    let open = quote_spanned! { response_type.span()=> let #response: #response_type = ::bulkhead::generated::response_stream(); };
    let mut call = quote! { #name(#event, #response) };
    if function.sig.asyncness.is_some() {
        call = quote! { ::bulkhead::generated::block_on(#call)? };
    }
    // What is wrong with the type is pointed out where it stands.
    let returned = match &function.sig.output {
        ReturnType::Default => Span::call_site(),
        ReturnType::Type(_, returned) => returned.span(),
    };
    let nothing = quote_spanned! { returned=> ::core::result::Result::Ok(()) };
    let fail =
        quote_spanned! { returned=> (&&&&&::bulkhead::generated::Thrown::of(&#error)).failure(#error) };
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
    let allowed = emitted::allowed_on_handler();
    Ok(quote! {
        #allowed
        #function
        #export
    })
}
