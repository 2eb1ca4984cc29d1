//! Expands `#[handler]`: emits the function unchanged, and the code that calls it with an invocation.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, Result, Type};

use crate::emitted::{self, local};
use crate::signature;

pub(crate) fn expand(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let types = signature::handler(arguments, function)?;
    let [invocation, value, error] = ["invocation", "value", "error"].map(local);
    let (take, passed) = arguments_of(&types, &invocation);
    let call = emitted::call(function, &passed);
    // Each step carries the span of the type that it uses, so that the compiler points there if the type does
    // not fit.
    let returned = emitted::returned(function);
    let respond = quote_spanned! { returned=> ::bulkhead::generated::respond(#value) };
    let fail = emitted::failure(returned, &error);
    let export = emitted::export(&quote! {
        fn __bulkhead_handle(mut #invocation: ::bulkhead::generated::Invocation) -> ::bulkhead::generated::Outcome {
            #take
            match ::bulkhead::generated::Returned(#call).into_result() {
                ::core::result::Result::Ok(#value) => #respond,
                ::core::result::Result::Err(#error) => ::core::result::Result::Err(#fail),
            }
        }
    });
    Ok(emitted::handler(function, &export))
}

/// The statements that make the arguments, and the argument list.
fn arguments_of(types: &[Type], invocation: &Ident) -> (TokenStream, TokenStream) {
    let [event, context] = ["event", "context"].map(local);
    match types {
        [] => (quote! {}, quote! {}),
        [only] => {
            let make = quote_spanned! { only.span()=> ::bulkhead::generated::only::<#only>(#invocation)? };
            (quote! { let #event = #make; }, quote! { #event })
        }
        [first, second, ..] => {
            let take_event =
                quote_spanned! { first.span()=> ::bulkhead::generated::first::<#first>(&mut #invocation)? };
            let take_context =
                quote_spanned! { second.span()=> ::bulkhead::generated::second::<#second>(#invocation) };
            (quote! { let #event = #take_event; let #context = #take_context; }, quote! { #event, #context })
        }
    }
}
