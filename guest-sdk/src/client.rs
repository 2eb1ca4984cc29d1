//! An HTTP client for handlers: requests leave through the host, which says how far they get.
//!
//! ```
//! use bulkhead::client::Client;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Serialize)]
//! struct Rate {
//!     euro: f64,
//! }
//!
//! async fn rate(client: &Client, currency: &str) -> Result<f64, bulkhead::Error> {
//!     let response = client.get(format!("https://api.example.com/rates/{currency}")).send().await?;
//!     let rate: Rate = response.error_for_status()?.json().await?;
//!     Ok(rate.euro)
//! }
//!
//! #[bulkhead::handler]
//! async fn handle(currency: String) -> Result<f64, bulkhead::Error> {
//!     rate(&Client::new(), &currency).await
//! }
//! # fn main() {}
//! ```
//!
//! The host sends requests only to the hosts that `allowed_outbound_hosts` in `bulkhead.toml` names, and the
//! connections are the host's: it keeps them open from one event to the next.
//!
//! Several requests run at the same time if you await them together, for instance with `tokio::join!` or
//! `futures::future::join_all`.
//!
//! # In unit tests
//!
//! Outside a component there is no host. [`Client::answering`] makes a client for unit tests, which calls a
//! function instead of a server.

mod error;
mod error_code;
mod request;
mod response;
mod wire;

use std::fmt;
use std::sync::Arc;

use ::http::{Method, Request, Response as Answer};

/// The `http` crate, whose types requests and responses are made of.
pub use ::http;
pub use error::Error;
pub use request::RequestBuilder;
pub use response::{Body, Response};
#[cfg(feature = "aws")]
pub(crate) use wire::Timeouts;

/// The function that answers in place of servers.
type Answers = Arc<dyn Fn(Request<Vec<u8>>) -> Answer<Vec<u8>> + Send + Sync>;

/// Sends HTTP requests. To make and to clone one costs nothing.
#[derive(Clone, Default)]
pub struct Client {
    answers: Option<Answers>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client that sends its requests through the host.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A client for unit tests: `answer` stands for all servers.
    ///
    /// ```
    /// use bulkhead::client::Client;
    /// use bulkhead::client::http::{Request, Response};
    ///
    /// # async fn test() -> Result<(), bulkhead::client::Error> {
    /// let client = Client::answering(|request: Request<Vec<u8>>| {
    ///     assert_eq!(request.uri(), "https://api.example.com/rates/USD");
    ///     Response::new(br#"{"euro":0.9}"#.to_vec())
    /// });
    /// let response = client.get("https://api.example.com/rates/USD").send().await?;
    /// assert_eq!(response.text().await?, r#"{"euro":0.9}"#);
    /// # Ok(())
    /// # }
    /// # let mut test = std::pin::pin!(test());
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # assert!(matches!(test.as_mut().poll(&mut context), std::task::Poll::Ready(Ok(()))));
    /// ```
    pub fn answering(answer: impl Fn(Request<Vec<u8>>) -> Answer<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self { answers: Some(Arc::new(answer)) }
    }

    /// Begins a GET request.
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Begins a POST request.
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Begins a PUT request.
    pub fn put(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Begins a DELETE request.
    pub fn delete(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Begins a request with this method.
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url.as_ref())
    }

    /// Sends a request of the `http` crate. [`Client::request`] and its like are simpler to use.
    ///
    /// # Errors
    /// If there is no response. A response with an error status is a response.
    pub async fn execute(&self, request: Request<Vec<u8>>) -> Result<Response, Error> {
        let to = error::place(request.method(), request.uri());
        let answered = match &self.answers {
            Some(answer) => Ok(answer(request).map(Body::from)),
            None => wire::send(request).await,
        };
        match answered {
            Ok(response) => Ok(Response::new(response, to)),
            Err(reason) => Err(Error::new(to, reason)),
        }
    }
}
