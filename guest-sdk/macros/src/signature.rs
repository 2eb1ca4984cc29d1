//! Checks the signature of a function with one of the attributes, and reports what is wrong.

use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn, Result, ReturnType, Safety, Signature, Type};

const FORMS: &str = "a handler has one of these forms, each also as `async fn`:\n\
                     \x20   fn handler() -> R\n\
                     \x20   fn handler(event: T) -> R\n\
                     \x20   fn handler(event: T, context: bulkhead::Context) -> R\n\
                     \x20   fn handler(event: bulkhead::LambdaEvent<T>) -> R\n\
                     \x20   fn handler(context: bulkhead::Context) -> R";

/// Collects all errors, so that they are reported together.
struct Complaints(Option<Error>);

impl Complaints {
    fn add(&mut self, at: &impl Spanned, text: &str) {
        let error = Error::new(at.span(), text);
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn into_result(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// The types of a handler's arguments: none, one or two.
pub(crate) fn handler(arguments: &TokenStream, function: &ItemFn) -> Result<Vec<Type>> {
    let mut complaints = Complaints(None);
    if !arguments.is_empty() {
        complaints.add(arguments, "`#[bulkhead::handler]` takes no arguments");
    }
    let signature = &function.sig;
    plain(signature, "a handler", &mut complaints);
    let mut types = Vec::new();
    for input in &signature.inputs {
        match input {
            FnArg::Receiver(this) => {
                complaints.add(this, &format!("a handler is a free function without `self`; {FORMS}"));
            }
            FnArg::Typed(argument) => {
                owned(&argument.ty, &mut complaints);
                types.push((*argument.ty).clone());
            }
        }
    }
    if let Some(third) = signature.inputs.iter().nth(2) {
        complaints
            .add(third, &format!("a handler has at most two arguments, the event and the context; {FORMS}"));
    }
    complaints.into_result().map(|()| types)
}

/// The types of a streaming handler's two arguments.
pub(crate) fn streaming_handler(arguments: &TokenStream, function: &ItemFn) -> Result<[Type; 2]> {
    let mut complaints = Complaints(None);
    if !arguments.is_empty() {
        complaints.add(arguments, "`#[bulkhead::streaming_handler]` takes no arguments");
    }
    let signature = &function.sig;
    plain(signature, "a streaming handler", &mut complaints);
    let types: Vec<&Type> = signature
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(argument) => Some(&*argument.ty),
        })
        .collect();
    types.iter().for_each(|argument| owned(argument, &mut complaints));
    let pair = match types.as_slice() {
        [event, response] if signature.inputs.len() == 2 => Some([(*event).clone(), (*response).clone()]),
        _ => {
            complaints.add(
                &signature.ident,
                "a streaming handler has two arguments, `fn handler(event: T, response: \
                 bulkhead::ResponseStream)`; take `bulkhead::LambdaEvent<T>` as the event to get the context",
            );
            None
        }
    };
    complaints.into_result()?;
    pair.ok_or_else(|| Error::new(signature.span(), "a streaming handler has two arguments"))
}

/// The types of an HTTP handler's request and return value.
pub(crate) fn http_handler(arguments: &TokenStream, function: &ItemFn) -> Result<(Type, Type)> {
    const FORM: &str = "an HTTP handler has the form `fn handler(request: bulkhead::http::Request<B>) -> R`, \
                        also as `async fn`; R is a `bulkhead::http::Response<…>` or a `Result` of one";
    let mut complaints = Complaints(None);
    if !arguments.is_empty() {
        complaints.add(
            arguments,
            "`#[bulkhead::http_handler]` takes no arguments: the handler itself matches paths",
        );
    }
    let signature = &function.sig;
    plain(signature, "an HTTP handler", &mut complaints);
    let types = match (signature.inputs.iter().collect::<Vec<_>>().as_slice(), &signature.output) {
        ([FnArg::Typed(request)], ReturnType::Type(_, returned)) => {
            owned(&request.ty, &mut complaints);
            Some(((*request.ty).clone(), (**returned).clone()))
        }
        _ => {
            complaints.add(&signature.ident, FORM);
            None
        }
    };
    complaints.into_result()?;
    types.ok_or_else(|| Error::new(signature.span(), FORM))
}

/// Checks a `main`.
pub(crate) fn main(arguments: &TokenStream, function: &ItemFn) -> Result<()> {
    let mut complaints = Complaints(None);
    if !arguments.is_empty() {
        complaints.add(
            arguments,
            "`#[bulkhead::main]` takes no arguments: a component has one thread and one executor",
        );
    }
    let signature = &function.sig;
    plain(signature, "`main`", &mut complaints);
    if signature.ident != "main" {
        complaints.add(
            &signature.ident,
            "`#[bulkhead::main]` is for the function `main`; use `#[bulkhead::handler]` for the handler itself",
        );
    }
    if signature.asyncness.is_none() {
        complaints
            .add(&signature.fn_token, "`main` must be an `async fn`, so that it can await `bulkhead::run`");
    }
    if !signature.inputs.is_empty() {
        complaints.add(&signature.inputs, "`main` must not have arguments");
    }
    complaints.into_result()
}

/// Checks an init function.
pub(crate) fn init(arguments: &TokenStream, function: &ItemFn) -> Result<()> {
    let mut complaints = Complaints(None);
    if !arguments.is_empty() {
        complaints.add(arguments, "`#[bulkhead::init]` takes no arguments");
    }
    let signature = &function.sig;
    plain(signature, "an init function", &mut complaints);
    if let Some(token) = &signature.asyncness {
        complaints
            .add(token, "an init function cannot be `async`: there is nothing to wait for at compile time");
    }
    if !signature.inputs.is_empty() {
        complaints.add(
            &signature.inputs,
            "an init function has no arguments: it runs at compile time, before any event",
        );
    }
    complaints.into_result()
}

/// Allows only `fn` and `async fn`: the caller is the host, which can neither choose types nor keep an unsafe
/// contract.
fn plain(signature: &Signature, what: &str, complaints: &mut Complaints) {
    if let Some(token) = &signature.constness {
        complaints.add(token, &format!("{what} cannot be a `const fn`"));
    }
    if !matches!(signature.safety, Safety::Default) {
        complaints.add(
            &signature.safety,
            &format!("{what} cannot be an `unsafe fn`: it is called by the host, which cannot uphold a safety contract"),
        );
    }
    if let Some(abi) = &signature.abi {
        complaints.add(abi, &format!("{what} cannot be an `extern fn`: the attribute generates the export"));
    }
    if !signature.generics.params.is_empty() {
        complaints
            .add(&signature.generics, &format!("{what} cannot be generic: its types must be known here"));
    } else if let Some(clause) = &signature.generics.where_clause {
        complaints.add(clause, &format!("{what} cannot have a `where` clause"));
    }
    if let Some(variadic) = &signature.variadic {
        complaints.add(variadic, &format!("{what} cannot take a variable number of arguments"));
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "syn's list of types is open")]
fn owned(argument: &Type, complaints: &mut Complaints) {
    match argument {
        Type::Reference(reference) => complaints.add(
            reference,
            "a handler takes its event and context by value: use `String` instead of `&str`, `Vec<T>` \
             instead of `&[T]`, `T` instead of `&T`",
        ),
        Type::ImplTrait(opaque) => {
            complaints.add(opaque, "a handler cannot be generic: name the type of the event, or use `serde_json::Value` for any JSON");
        }
        Type::Paren(inner) => owned(&inner.elem, complaints),
        Type::Group(inner) => owned(&inner.elem, complaints),
        _ => {}
    }
}
