//! The attributes of the `bulkhead` crate, which re-exports and documents them.
//!
//! `signature.rs` says what is wrong with a function; `handler.rs`, `streaming.rs`, `http.rs`, `program.rs` and `init.rs` emit the code around a right one;
//! `emitted.rs` holds what all of them emit.

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
/// For any other target than WebAssembly the function stays what it is, and unit tests call it as such. Its forms, each of them
/// also as `async fn`:
///
/// ```ignore
/// fn handler() -> R
/// fn handler(event: T) -> R
/// fn handler(event: T, context: bulkhead::Context) -> R
/// fn handler(event: bulkhead::LambdaEvent<T>) -> R
/// fn handler(context: bulkhead::Context) -> R
/// ```
///
/// * `T` is read from JSON and implements serde's `Deserialize`. `bulkhead::Raw` takes the bytes as they are. An empty
///   event counts as `null`. An event that does not fit becomes the error `EventUnmarshalError`, with the place in the event.
/// * `R` is nothing, a type that implements serde's `Serialize`, or a `Result` of one, also under another name such as
///   `anyhow::Result`. Nothing is written as `null`.
/// * The error of such a `Result` is anything with `From<…> for bulkhead::Diagnostic`, any `std::error::Error`, `bulkhead::Error`,
///   `anyhow::Error`, or a string.
///
/// An `async` handler is run to its end on the spot. It can await what this sandbox itself brings about; awaiting anything else
/// becomes the error `HandlerStalled`.
///
/// There is one handler in a component, in a crate with `crate-type = ["cdylib"]` or in a binary with an empty `fn main() {}`. The crate
/// may not `#![forbid(unsafe_code)]`, since exports are unsafe by Rust's rules; `deny` is fine.
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, handler::expand)
}

/// Makes a function the handler of this component, and has its response sent while it is made.
///
/// Its forms, each of them also as `async fn`:
///
/// ```ignore
/// fn handler(event: T, response: bulkhead::ResponseStream) -> R
/// fn handler(event: bulkhead::LambdaEvent<T>, response: bulkhead::ResponseStream) -> R
/// fn handler(context: bulkhead::Context, response: bulkhead::ResponseStream) -> R
/// ```
///
/// * `T` is read from JSON, as for [`macro@handler`].
/// * `R` is nothing, or a `Result` of nothing. An error before the first byte is an error like any other handler's; after it, the
///   caller gets it behind the last byte, as a function URL's caller does not.
///
/// A function answers with a stream where its caller asks for one (`InvokeWithResponseStream`, a function URL with
/// `RESPONSE_STREAM`); for anybody else Lambda collects it, up to 6 MB.
#[proc_macro_attribute]
pub fn streaming_handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, streaming::expand)
}

/// Makes a function this component's HTTP service, over the types of the `http` crate.
///
/// Its forms, each of them also as `async fn`:
///
/// ```ignore
/// fn handler(request: bulkhead::http::Request<B>) -> R
/// ```
///
/// * `B` is `Vec<u8>`, `String`, `bulkhead::http::Json<T>`, an `Option` of these, `bulkhead::http::IncomingBody` (read while it
///   arrives), or `()`. A body that does not fit is answered with status 400 and says why.
/// * `R` is a `bulkhead::http::Response<…>` of text, bytes, `Json<T>`, `bulkhead::http::OutgoingBody` (sent while it is written) or `()`;
///   or a `Result` of one.
/// * The error of such a `Result` is anything that [`macro@handler`] takes. The client gets status 500 without a word of it, and
///   stderr, which is the handler's log, gets type, message and causes.
///
/// It needs the feature `http`. The component exports `wasi:http/incoming-handler` and imports nothing of Bulkhead, so it runs under other
/// hosts too; what Lambda adds to a request is a `bulkhead::http::RequestContext` among its extensions.
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
/// In the component it is run once for the sandbox's one event. If it fails before it comes to `run`, the caller gets that error; if
/// it never comes to `run`, the caller gets `HandlerMissing`. Started as a program it only says how to build the component.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, program::expand)
}

/// Makes a function the work that is done once, ahead of all events, by `bulkhead compile --preinit`.
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
/// What it leaves in memory is in every sandbox from the start. Without `--preinit` it is never called, so it should only force what
/// would be made at its first use anyway: a `LazyLock`, as here, is right in both cases.
///
/// It takes nothing and returns nothing, or a `Result` of nothing. It runs without environment, files, network, clock and random
/// bytes, all of which would be the same in every sandbox. A `HashMap` asks for random bytes; a `BTreeMap` does not.
///
/// There is at most one in a component, beside its `#[bulkhead::handler]` or `#[bulkhead::main]`.
#[proc_macro_attribute]
pub fn init(arguments: TokenStream, item: TokenStream) -> TokenStream {
    emitted::attribute(arguments, item, init::expand)
}
