//! The attributes of the `bulkhead` crate, which re-exports and documents them.
//!
//! `signature.rs` checks a function's signature; `handler.rs`, `streaming.rs`, `http.rs`, `program.rs` and
//! `init.rs` emit the code around a valid function; `emitted.rs` contains the code that all of them emit.

mod emitted;
mod handler;
mod http;
mod init;
mod program;
mod signature;
mod streaming;

use proc_macro::TokenStream;

/// Makes a function the handler of this component.
///
/// On targets other than WebAssembly the function stays as it is, so that unit tests can call it. A handler
/// has one of these forms, each also as `async fn`:
///
/// ```ignore
/// fn handler() -> R
/// fn handler(event: T) -> R
/// fn handler(event: T, context: bulkhead::Context) -> R
/// fn handler(event: bulkhead::LambdaEvent<T>) -> R
/// fn handler(context: bulkhead::Context) -> R
/// ```
///
/// * `T` is read from JSON and implements serde's `Deserialize`. With `bulkhead::Raw` you get the bytes
///   unchanged. An empty event counts as `null`. An event of another form becomes the error
///   `EventUnmarshalError`, which names the place in the event.
/// * `R` is `()`, a type that implements serde's `Serialize`, or a `Result` of either, also through an alias
///   such as `anyhow::Result`. `()` is written as `null`.
/// * The error of such a `Result` is any type with `From<…> for bulkhead::Diagnostic`, any
///   `std::error::Error`, `bulkhead::Error`, `anyhow::Error`, or a string.
///
/// An `async` handler is polled until it ends. It can await work that happens within this sandbox; awaiting
/// anything else becomes the error `HandlerStalled`.
///
/// A component has one handler, in a crate with `crate-type = ["cdylib"]` or in a binary with an empty `fn
/// main() {}`. The crate cannot use `#![forbid(unsafe_code)]`, since Rust treats exports as unsafe; `deny`
/// works.
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, handler::expand)
}

/// Makes a function the handler of this component, with a streamed response.
///
/// A streaming handler has one of these forms, each also as `async fn`:
///
/// ```ignore
/// fn handler(event: T, response: bulkhead::ResponseStream) -> R
/// fn handler(event: bulkhead::LambdaEvent<T>, response: bulkhead::ResponseStream) -> R
/// fn handler(context: bulkhead::Context, response: bulkhead::ResponseStream) -> R
/// ```
///
/// * `T` is read from JSON, as for [`macro@handler`].
/// * `R` is `()`, or a `Result` of `()`. An error before the first byte is reported like that of any other
///   handler. After the first byte it is reported in the trailers, which a function URL does not pass on.
///
/// The response is streamed if the caller requests that (`InvokeWithResponseStream`, or a function URL with
/// `RESPONSE_STREAM`). For any other caller Lambda collects it, up to 6 MB.
#[proc_macro_attribute]
pub fn streaming_handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, streaming::expand)
}

/// Makes a function this component's HTTP service, with the types of the `http` crate.
///
/// A service has this form, also as `async fn`:
///
/// ```ignore
/// fn handler(request: bulkhead::http::Request<B>) -> R
/// ```
///
/// * `B` is `Vec<u8>`, `String`, `bulkhead::http::Json<T>`, an `Option` of these,
///   `bulkhead::http::IncomingBody` (which you read while it arrives), or `()`. A body of another form is
///   answered with status 400 and a message.
/// * `R` is a `bulkhead::http::Response<…>` of text, bytes, `Json<T>`, `bulkhead::http::OutgoingBody` (sent
///   while it is written) or `()`; or a `Result` of such a response.
/// * The error of such a `Result` is any type that [`macro@handler`] accepts. The client gets status 500
///   without details; the type, message and causes go to stderr, which is the handler's log.
///
/// The attribute requires the feature `http`. The component exports `wasi:http/incoming-handler` and imports
/// nothing of Bulkhead, so it also runs on other hosts. Data that Lambda adds to a request is in its
/// extensions, as a `bulkhead::http::RequestContext`.
#[proc_macro_attribute]
pub fn http_handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, http::expand)
}

/// Keeps the `main` of a handler that was written for `lambda_runtime`.
///
/// ```ignore
/// #[bulkhead::main]
/// async fn main() -> Result<(), bulkhead::Error> {
///     bulkhead::run(bulkhead::service_fn(handler)).await
/// }
/// ```
///
/// In the component, `main` runs once for the sandbox's only event. If it fails before it calls `run`, the
/// caller gets that error; if it never calls `run`, the caller gets `HandlerMissing`. If you start it as a
/// program, it only prints how to build the component.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, program::expand)
}

/// Makes a function run once at compile time, by `bulkhead compile --preinit`.
///
/// ```ignore
/// static ROUTES: LazyLock<Routes> = LazyLock::new(Routes::parse);
///
/// #[bulkhead::init]
/// fn init() {
///     LazyLock::force(&ROUTES);
/// }
/// ```
///
/// Every sandbox starts with the memory that the function leaves. Without `--preinit` the function is never
/// called, so it should only force values that would otherwise be computed at their first use: a `LazyLock`,
/// as here, is correct in both cases.
///
/// The function has no arguments and returns `()`, or a `Result` of `()`. It runs without environment
/// variables, files, network, clock and random bytes, all of which would be equal in every sandbox. A
/// `HashMap` needs random bytes; a `BTreeMap` does not.
///
/// A component has at most one init function, in addition to its `#[bulkhead::handler]` or
/// `#[bulkhead::main]`.
#[proc_macro_attribute]
pub fn init(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, init::expand)
}
