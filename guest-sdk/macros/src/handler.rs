//! Owns `#[handler]`: the function unchanged, and beside it the code that takes an invocation through it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, Result, ReturnType, Type};

use crate::{emitted, signature};

pub(crate) fn expand(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let types = signature::handler(arguments, function)?;
    let [invocation, value, error] = ["invocation", "value", "error"].map(local);
    let (take, passed) = arguments_of(&types, &invocation);
    let name = &function.sig.ident;
    let mut call = quote! { #name(#passed) };
    if function.sig.asyncness.is_some() {
        call = quote! { ::bulkhead::generated::block_on(#call)? };
    }
    // Each step carries the place of the type that it is about, for the compiler to point at where that type will not do.
    let response = match &function.sig.output {
        ReturnType::Default => Span::call_site(),
        ReturnType::Type(_, returned) => returned.span(),
    };
    let respond = quote_spanned! { response=> ::bulkhead::generated::respond(#value) };
    let fail =
        quote_spanned! { response=> (&&&&&::bulkhead::generated::Thrown::of(&#error)).failure(#error) };
    let export = emitted::export(&quote! {
        fn __bulkhead_handle(mut #invocation: ::bulkhead::generated::Invocation) -> ::bulkhead::generated::Outcome {
            #take
            match ::bulkhead::generated::Returned(#call).into_result() {
                ::core::result::Result::Ok(#value) => #respond,
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

/// A local variable that nothing of the author's can be mistaken for, least of all a handler of the same name.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The statements that make the arguments, and the list to pass.
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
