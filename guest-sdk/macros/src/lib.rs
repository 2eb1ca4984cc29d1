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
/// ```
/// use bulkhead::Context;
///
/// #[bulkhead::handler]
/// fn greet(name: String, context: Context) -> Result<String, bulkhead::Error> {
///     let tenant = context.tenant_id.ok_or("the event has no tenant")?;
///     Ok(format!("Hello {name} of {tenant}!"))
/// }
///
/// // Only WebAssembly has the export. A unit test calls the function as you wrote it.
/// assert!(greet("Ada".into(), Context::default()).is_err());
/// ```
///
/// # Forms
///
/// A handler has one of these forms, and may be an `async fn`:
///
/// ```text
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
/// An `async` handler is polled until it ends. It can await work that happens within this sandbox; with the
/// feature `client` also HTTP requests, and with the feature `tokio` also Tokio's timers and tasks. Awaiting
/// anything else becomes the error `HandlerStalled`; with the feature `tokio`, a panic that says the same.
///
/// A component has one handler, in a crate with `crate-type = ["cdylib"]` or in a binary with an empty `fn
/// main() {}`. The crate cannot use `#![forbid(unsafe_code)]`, since Rust treats exports as unsafe; `deny`
/// works.
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, handler::expand)
}

/// Makes a function the handler of this component, and sends its response while the function writes it.
///
/// ```
/// use std::io::Write as _;
///
/// use bulkhead::ResponseStream;
///
/// #[bulkhead::streaming_handler]
/// fn countdown(from: u32, mut response: ResponseStream) -> std::io::Result<()> {
///     response.content_type("text/plain")?;
///     for number in (0..from).rev() {
///         writeln!(response, "{number}")?;
///     }
///     Ok(())
/// }
///
/// let (response, written) = ResponseStream::in_memory();
/// countdown(3, response).unwrap();
/// assert_eq!(written.body(), b"2\n1\n0\n");
/// ```
///
/// # Forms
///
/// A streaming handler has one of these forms, and may be an `async fn`:
///
/// ```text
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
/// ```
/// use bulkhead::http::{Json, Request, Response, StatusCode};
///
/// #[bulkhead::http_handler]
/// fn sum(request: Request<Json<Vec<u32>>>) -> Result<Response<Json<u32>>, bulkhead::Error> {
///     let numbers = &request.body().0;
///     Ok(Response::builder().status(StatusCode::OK).body(Json(numbers.iter().sum()))?)
/// }
///
/// let response = sum(Request::new(Json(vec![1, 2, 3]))).unwrap();
/// assert_eq!(response.body().0, 6);
/// ```
///
/// # Forms
///
/// An HTTP handler has this form, and may be an `async fn`:
///
/// ```text
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

/// Makes the `main` of a handler that was written for `lambda_runtime` the handler of this component.
///
/// ```no_run
/// use bulkhead::{Error, LambdaEvent, run, service_fn};
///
/// #[bulkhead::main]
/// async fn main() -> Result<(), Error> {
///     run(service_fn(double)).await
/// }
///
/// async fn double(event: LambdaEvent<u32>) -> Result<u32, Error> {
///     Ok(event.payload * 2)
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

/// Makes the `main` of a handler that was written for `lambda_runtime::streaming` the handler of this
/// component, and sends its response while it is made. Write it as `#[bulkhead::streaming::main]`.
///
/// It is like [`macro@main`] in everything else. It requires the feature `streaming`.
#[proc_macro_attribute]
pub fn streaming_main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, program::expand_streaming)
}

/// Makes the `main` of a service that was written for `lambda_http` this component's HTTP service. Write it as
/// `#[bulkhead::http::main]`.
///
/// In the component, `main` runs once for the sandbox's only request, and awaits `bulkhead::http::run`. If it
/// fails, the client gets status 500, and the error goes to the log. It requires the feature `http`.
#[proc_macro_attribute]
pub fn http_main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, program::expand_http)
}

/// Makes a function run once at compile time, by `bulkhead compile --preinit`.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::LazyLock;
///
/// static PRICES: LazyLock<BTreeMap<&str, u32>> = LazyLock::new(|| {
///     let lines = "tea 3\ncoffee 4".lines().filter_map(|line| line.split_once(' '));
///     lines.map(|(name, price)| (name, price.parse().unwrap_or_default())).collect()
/// });
///
/// #[bulkhead::init]
/// fn init() {
///     LazyLock::force(&PRICES);
/// }
///
/// #[bulkhead::handler]
/// fn price(name: String) -> Option<u32> {
///     PRICES.get(name.as_str()).copied()
/// }
///
/// assert_eq!(price("coffee".into()), Some(4));
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

/// The examples of the README are tested, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
