//! One request and its response, after the request was allowed.
//!
//! All of the work is done in turns that are charged to the event: making the connection, sending, and
//! reading whatever the server answers. When the event is over, the exchange ends, wherever it is.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, Request, Response, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::account::{Account, Underway};
use super::answer::Inspector;
use super::body::{Received, Sent};
use super::clients::Lease;
use super::connect::ConnectError;
use super::credential::Authenticator;
use super::failure;
use super::kept::Original;
use super::link::Link;
use crate::policy::Credential;

/// How long to wait for the first piece or the end of a body, if it has to be known whether there is a body.
const UNDECIDED: Duration = Duration::from_millis(100);

/// The time limit of each step: set by the guest, but no longer than its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timeouts {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timeouts {
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

/// An allowed request, on its way to the target of its lease.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) account: Arc<Account>,
    pub(super) timeouts: Timeouts,
    pub(super) lease: Lease,
}

/// While these are held, the request counts against the limits of its client and of all clients.
struct Turns {
    _of_client: OwnedSemaphorePermit,
    _in_all: OwnedSemaphorePermit,
}

/// A response whose body was not read yet.
struct Answered {
    response: Response<Received>,
    link: Link,
    /// If the request had a credential.
    inspector: Option<Inspector>,
    in_all: OwnedSemaphorePermit,
}

impl Exchange {
    /// Sends the request, and waits for the head of its response.
    pub(super) async fn run(self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let account = Arc::clone(&self.account);
        let response = account.charged(Box::pin(self.respond(request))).await;
        response.unwrap_or(Err(Error::ConnectionTerminated))
    }

    async fn respond(self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let underway = Underway::begin(&self.account);
        let mut request = request.map(|body| Sent::new(body, Arc::clone(&self.account)));
        let of_client = self.turn(&self.lease.client.turns).await?;
        if self.lease.client.is_shared() {
            // A request whose response was read may be about to return its connection to the pool.
            tokio::task::yield_now().await;
        }
        self.name_host(&mut request)?;
        let (mut request, mut original) = match self.lease.purpose.credential {
            None => (request, None),
            Some(_) => Original::of(request),
        };
        let mut answered = loop {
            let mut answered = self.attempt(request).await?;
            let Some(original) = original.take() else { break answered };
            match self.again(&mut answered, original).await {
                None => break answered,
                Some(again) => request = again,
            }
            // What was answered is dropped. Its body was not read, so its connection ends.
        };
        answered.response.body_mut().belongs_to(underway);
        let Answered { response, link, inspector, in_all } = answered;
        // With HTTP/1.0, a request would be sent without chunks, and lose a body of unknown length.
        let once = response.version() != Version::HTTP_11;
        let response = match inspector {
            // If it is refused, the connection is closed.
            Some(inspector) => inspector.inspect(response)?,
            None => response.map(BodyExt::boxed_unsync),
        };
        self.follow(link, Turns { _of_client: of_client, _in_all: in_all }, once).await;
        Ok(response)
    }

    /// Sends a request with its credential, and waits for the head of its response.
    async fn attempt(&self, mut request: Request<Sent>) -> Result<Answered, Error> {
        let inspector = match self.lease.purpose.credential.clone() {
            Some(credential) => Some(self.authenticate(credential, &mut request).await?),
            None => None,
        };
        // While one owner waits for a session, others do not wait for a turn.
        let in_all = self.turn(&self.lease.turns_in_all).await?;
        announce_body(&mut request).await?;
        let (response, link) = self.send(request).await.map_err(|error| self.failure(error))?;
        let response = response.map(|body| Received::new(body, self.timeouts.between_bytes));
        Ok(Answered { response, link, inspector, in_all })
    }

    /// The request once more, if the server did not accept its credential, and there is another value by now.
    async fn again(&self, answered: &mut Answered, original: Original) -> Option<Request<Sent>> {
        let Answered { response, link, inspector, .. } = answered;
        let inspector = inspector.as_ref()?;
        let rejected = inspector.rejected(response, link).await?;
        // The server may have answered before the end of the request.
        let whole = poll_fn(|context| {
            let is_gone = link.poll_gone(context).is_ready();
            if original.is_whole() || is_gone { Poll::Ready(original.is_whole()) } else { Poll::Pending }
        });
        if !timeout(UNDECIDED, whole).await.unwrap_or(false) {
            return None;
        }
        let another = timeout(self.timeouts.connect, inspector.has_another(rejected)).await;
        let request = original.again(&self.account).filter(|_| another.unwrap_or(false))?;
        self.account.count_another().then_some(request)
    }

    /// Uses the credential of the target.
    async fn authenticate(
        &self,
        credential: Arc<Credential>,
        request: &mut Request<Sent>,
    ) -> Result<Inspector, Error> {
        let account = Arc::clone(&self.account);
        let broker = self.lease.client.broker.clone().ok_or(Error::ConfigurationError)?;
        let authenticator = Authenticator {
            credential: &credential,
            broker: &broker,
            account: &account,
            lease: &self.lease,
            patience: self.timeouts.connect,
        };
        let used = authenticator.apply(request).await?;
        let target = self.lease.purpose.target.clone();
        Ok(Inspector { account, broker, credential, target, used })
    }

    async fn turn(&self, turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
        let turn = timeout(self.timeouts.connect, Arc::clone(turns).acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or(Error::ConnectionLimitReached)
    }

    /// Sets the request's target: the server reads exactly what was checked.
    fn name_host(&self, request: &mut Request<Sent>) -> Result<(), Error> {
        let host = HeaderValue::try_from(self.lease.purpose.target.host_header());
        request.headers_mut().insert(HOST, host.map_err(|_| Error::HttpRequestUriInvalid)?);
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map(Into::into).unwrap_or_default();
        Ok(())
    }

    /// Uses an idle connection, if there is one; a new one if that had closed before anything was sent.
    async fn send(&self, mut request: Request<Sent>) -> Result<(Response<Incoming>, Link), SendError> {
        loop {
            let resting = self.lease.client.pool.take(&self.lease.purpose);
            let is_new = resting.is_none();
            let mut link = match resting {
                Some(link) => link,
                None => self.dial().await?,
            };
            link.belongs_to(Some(Arc::clone(&self.account)));
            let sent = timeout(self.timeouts.first_byte, link.send(request)).await;
            match sent.map_err(|_| SendError::NoResponse)? {
                Ok(response) => return Ok((response, link)),
                Err(mut failed) => match failed.take_message().filter(|_| !is_new) {
                    Some(unsent) => request = unsent,
                    None => return Err(SendError::Http(failed.into_error())),
                },
            }
        }
    }

    async fn dial(&self) -> Result<Link, SendError> {
        let dialing = self.lease.client.dialer.dial(&self.lease.purpose, &self.account);
        let dialed = timeout(self.timeouts.connect, dialing).await.map_err(|_| SendError::NotConnected)?;
        dialed.map_err(SendError::Connect)
    }

    /// Processes the bodies until they end, and then returns the connection to the pool.
    async fn follow(self, mut link: Link, turns: Turns, once: bool) {
        let Self { account, lease, .. } = self;
        let rest = move |link| {
            if !once {
                lease.client.pool.put(lease.purpose, link);
            }
            drop(turns);
        };
        let ended = poll_fn(|context| Poll::Ready(link.poll_ended(context))).await;
        match ended {
            Poll::Ready(true) => rest(link),
            Poll::Ready(false) => {}
            Poll::Pending => drop(tokio::spawn(async move {
                let bodies = async {
                    if poll_fn(|context| link.poll_ended(context)).await {
                        rest(link);
                    }
                };
                account.charged(bodies).await
            })),
        }
    }

    fn failure(&self, failed: SendError) -> Error {
        match failed {
            SendError::NotConnected => Error::ConnectionTimeout,
            SendError::NoResponse => Error::ConnectionReadTimeout,
            SendError::Http(error) => failure::of(&error),
            SendError::Connect(error) => {
                if let ConnectError::Refused(refusal) = &error {
                    self.account.log_refused(&self.lease.purpose.target, *refusal);
                }
                failure::of(&error)
            }
        }
    }
}

/// Sends a body whatever the method is. HTTP clients leave out the body of a `GET` or `HEAD` if its length is
/// unknown; but most of these have none, and then servers do not expect chunks.
async fn announce_body(request: &mut Request<Sent>) -> Result<(), Error> {
    let is_left_out = matches!(*request.method(), Method::GET | Method::HEAD)
        && !request.headers().contains_key(CONTENT_LENGTH)
        && request.body().size_hint().exact().is_none();
    if !is_left_out {
        return Ok(());
    }
    // A guest may wait for the response before it writes the body, so there may be a body even now.
    let is_empty = timeout(UNDECIDED, request.body_mut().is_empty()).await.unwrap_or(Ok(false))?;
    if !is_empty {
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Ok(())
}

/// The reason why a request ended without a response.
enum SendError {
    NotConnected,
    NoResponse,
    Connect(ConnectError),
    Http(hyper::Error),
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
        let timeouts = Timeouts::new(Some(options), seconds(5));
        let expected =
            Timeouts { connect: Duration::ZERO, first_byte: seconds(5), between_bytes: seconds(5) };
        assert_eq!(timeouts, expected);
    }
}
