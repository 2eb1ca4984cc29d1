//! One request and its response, once the request is allowed.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{self, Client};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::account::{Account, Underway};
use super::body::{Received, Sent};
use super::clients::Lease;
use super::connect::{ConnectError, Connector};
use super::failure;
use super::target::Target;

/// How long each step may take: as the guest says, but no longer than its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Patience {
    pub(super) fn new(options: Option<RequestOptions>, most: Duration) -> Self {
        let options = options.unwrap_or_default();
        let least = |wanted: Option<Duration>| wanted.map_or(most, |wanted| wanted.min(most));
        Self {
            connect: least(options.connect_timeout),
            first_byte: least(options.first_byte_timeout),
            between_bytes: least(options.between_bytes_timeout),
        }
    }
}

/// A request that is allowed, on its way to `target`.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) account: Arc<Account>,
    pub(super) target: Target,
    pub(super) patience: Patience,
    pub(super) lease: Lease,
}

impl Exchange {
    /// Sends the request and waits for the head of its response.
    pub(super) async fn run(self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let underway = Underway::begin(&self.account);
        let turn = self.turn().await?;
        // A connection that the server closed while the environment was frozen looks open until the runtime
        // has looked at its sockets.
        tokio::task::yield_now().await;
        let request = request.map(|body| Sent::new(body, Arc::clone(&self.account)));
        let response = send(&self.lease.pool, request, self.patience).await;
        let response = response.map_err(|error| self.failure(error))?;
        let received =
            |body| Received::new(body, self.account, self.patience.between_bytes, (underway, turn));
        Ok(response.map(|body| received(body).boxed_unsync()))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        let turn = Arc::clone(&self.lease.turns).acquire_owned();
        let turn = timeout(self.patience.connect, turn).await.map_err(|_| Error::ConnectionLimitReached)?;
        turn.map_err(|_| Error::ConnectionLimitReached)
    }

    fn failure(&self, failed: SendError) -> Error {
        let error = match failed {
            SendError::NotConnected => return Error::ConnectionTimeout,
            SendError::NoResponse => return Error::ConnectionReadTimeout,
            SendError::Client(error) => error,
        };
        if let Some(ConnectError::Refused(refusal)) = failure::find(&error) {
            self.account.log_refused(&self.target, *refusal);
        }
        failure::of(&error)
    }
}

/// How a request ended without a response.
enum SendError {
    NotConnected,
    NoResponse,
    Client(legacy::Error),
}

async fn send(
    client: &Client<Connector, Sent>,
    mut request: Request<Sent>,
    patience: Patience,
) -> Result<Response<Incoming>, SendError> {
    let mut connection = capture_connection(&mut request);
    let connected = async {
        connection.wait_for_connection_metadata().await;
    };
    let mut response = pin!(client.request(request));
    let first = async {
        tokio::select! {
            biased;
            response = &mut response => Some(response),
            () = connected => None,
        }
    };
    let response = match timeout(patience.connect, first).await {
        Ok(Some(response)) => response,
        Ok(None) => timeout(patience.first_byte, response).await.map_err(|_| SendError::NoResponse)?,
        Err(_) => return Err(SendError::NotConnected),
    };
    response.map_err(SendError::Client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_can_be_less_patient_than_its_event_but_not_more() {
        let seconds = Duration::from_secs;
        let options = RequestOptions {
            connect_timeout: Some(Duration::ZERO),
            first_byte_timeout: Some(Duration::MAX),
            between_bytes_timeout: None,
        };
        let patience = Patience::new(Some(options), seconds(5));
        let expected =
            Patience { connect: Duration::ZERO, first_byte: seconds(5), between_bytes: seconds(5) };
        assert_eq!(patience, expected);
    }
}
