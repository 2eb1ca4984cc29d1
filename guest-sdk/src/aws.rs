//! The AWS SDK for Rust in `async` handlers: its requests leave through the host, which says how far they get.
//!
//! Take the crates of the AWS SDK without their default features, which are a TLS stack and a client that opens
//! sockets, and give their configuration this module's client and timer:
//!
//! ```ignore
//! let config = aws_sdk_dynamodb::Config::builder()
//!     .behavior_version(BehaviorVersion::latest())
//!     .http_client(bulkhead::aws::http_client())
//!     .sleep_impl(bulkhead::aws::Sleep)
//!     .credentials_provider(credentials)
//!     .region(Region::new("eu-central-1"))
//!     .build();
//! let client = aws_sdk_dynamodb::Client::from_conf(config);
//! let (one, two) = tokio::join!(client.list_tables().send(), client.describe_limits().send());
//! ```
//!
//! This module compiles with the Rust that the AWS SDK needs, which is newer than what the rest needs.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep as Sleeping};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::shared::IntoShared as _;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::retry::ErrorKind;
use bytes::Bytes;

use crate::client::{Body, Client, Timeouts};
use crate::executor::reactor;

/// An HTTP client for the configuration of the AWS SDK.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    http_client_of(Client::new())
}

/// The same over a client of your own, such as [`Client::answering`] in unit tests.
#[must_use]
pub fn http_client_of(client: Client) -> SharedHttpClient {
    Connector { client, timeouts: Timeouts::default() }.into_shared()
}

/// A timer for the configuration of the AWS SDK, which it uses between attempts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sleep;

impl AsyncSleep for Sleep {
    fn sleep(&self, duration: Duration) -> Sleeping {
        Sleeping::new(reactor::sleep(duration))
    }
}

#[derive(Clone)]
struct Connector {
    client: Client,
    timeouts: Timeouts,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self { client: self.client.clone(), timeouts: timeouts(settings) })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        Some(ConnectorMetadata::new("bulkhead", None))
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(answered(self.client.clone(), self.timeouts, request))
    }
}

/// The AWS SDK limits the time for a connection by default, and not the time until the response.
fn timeouts(settings: &HttpConnectorSettings) -> Timeouts {
    Timeouts { connect: settings.connect_timeout(), read: settings.read_timeout() }
}

async fn answered(
    client: Client,
    timeouts: Timeouts,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    let body = ByteStream::new(body).collect().await.map_err(|error| ConnectorError::user(error.into()))?;
    let mut request = ::http::Request::from_parts(head, body.to_vec());
    request.extensions_mut().insert(timeouts);
    let failed = |error: crate::client::Error| match error.may_pass() {
        true => ConnectorError::other(error.into(), Some(ErrorKind::TransientError)),
        false => ConnectorError::user(error.into()),
    };
    let response = client.execute(request).await.map_err(failed)?.into_http();
    let response = response.map(|body| SdkBody::from_body_1_x(Arriving { body: Some(body), reading: None }));
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}

type Reading = Pin<Box<dyn Future<Output = (Result<Option<Vec<u8>>, String>, Body)> + Send + Sync>>;

/// The body of a response as the AWS SDK reads it.
struct Arriving {
    body: Option<Body>,
    reading: Option<Reading>,
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = crate::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, crate::Error>>> {
        if let Some(mut body) = self.body.take() {
            self.reading = Some(Box::pin(async move {
                let chunk = body.chunk().await;
                (chunk, body)
            }));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let (chunk, body) = ready!(reading.as_mut().poll(context));
        self.reading = None;
        Poll::Ready(match chunk {
            Ok(Some(bytes)) => {
                self.body = Some(body);
                Some(Ok(http_body::Frame::data(bytes.into())))
            }
            Ok(None) => None,
            Err(why) => Some(Err(why.into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::block_on;

    fn answer(body: &'static str, timeouts: Timeouts) -> Result<String, String> {
        let client = Client::answering(move |request| {
            assert_eq!(request.body(), b"sent");
            ::http::Response::new(body.as_bytes().to_vec())
        });
        let request = ::http::Request::post("https://a.b/").body(SdkBody::from("sent")).unwrap();
        block_on(async {
            let request = HttpRequest::try_from(request).unwrap();
            let response = answered(client, timeouts, request).await.map_err(|error| error.to_string())?;
            let body = ByteStream::new(response.into_body()).collect().await.unwrap();
            Ok(String::from_utf8(body.to_vec()).unwrap())
        })
        .unwrap()
    }

    #[test]
    fn a_request_goes_through_the_client_and_its_body_comes_back() {
        assert_eq!(
            answer("received", Timeouts { connect: Some(Duration::from_secs(1)), read: None }).unwrap(),
            "received"
        );
        assert_eq!(answer("", Timeouts::default()).unwrap(), "");
    }

    #[test]
    fn a_slow_response_is_not_a_slow_connection() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let settings = HttpConnectorSettings::builder().connect_timeout(second).build();
        assert_eq!(timeouts(&settings), Timeouts { connect: Some(second), read: None });
        let settings = HttpConnectorSettings::builder().read_timeout(minute).build();
        assert_eq!(timeouts(&settings), Timeouts { connect: None, read: Some(minute) });
    }

    #[test]
    fn it_says_what_it_is() {
        let connector = Connector { client: Client::new(), timeouts: Timeouts::default() };
        assert!(connector.connector_metadata().is_some() && format!("{connector:?}").contains("Connector"));
        drop((http_client(), Sleep));
    }
}
