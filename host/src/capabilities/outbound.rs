//! Outbound HTTP: the requests that a handler may send, and how they are sent.
//!
//! A request is counted, then checked against the handler's allow-list, then sent by a client that belongs to
//! the tenant and outlives the sandbox. The address of a host name is known only when the connection is made,
//! so it is checked there, under the same policy. Redirects are followed by the guest: the next request is
//! checked like the first.
//!
//! Where the host has a [`credential`] for the target, it signs the request or puts a secret into it. The guest has
//! neither.

mod account;
mod address;
mod answer;
mod body;
mod clients;
mod clock;
mod connect;
mod credential;
mod credential_use;
mod echo;
mod exchange;
mod failure;
mod injected;
mod kept;
mod lengths;
mod link;
mod operation;
mod pool;
mod resolver;
mod signed;
mod store_bucket;
mod target;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hyper::header::{self, HeaderName};
use hyper::{Method, Request, Response};
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx,
    WasiHttpHooks, WasiHttpView,
};

pub use account::Sender;
pub use clients::Clients;
pub use credential_use::MissingCredential;

use crate::policy::{Credential, Limit, Policy};
use crate::tls::CertificateError;
use account::Account;
use exchange::{Exchange, Timeouts};
use target::Target;

/// The limit for all headers of one message, including overhead. Most servers accept 8 to 16 KiB of headers.
pub(crate) const MAX_HEADERS: usize = 64 * 1024;
/// The part of a request body that waits in the host until it is sent.
const BODY_AHEAD: usize = 64 * 1024;

/// Outbound requests cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// A file of `extra_ca_certificates` cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The address that must be out of reach is not valid.
    #[error("the Runtime API's address is `{0}`; it must be a host and a port, such as `127.0.0.1:9001`")]
    RuntimeApi(String),
}

/// The use of outbound requests by one event, for its receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboundUsage {
    /// Requests, including denied ones.
    pub requests: u32,
    /// Bytes sent over its connections, including everything around bodies.
    pub bytes_out: u64,
    /// Bytes received over its connections.
    pub bytes_in: u64,
    /// The time during which at least one request was in flight, until its response was read.
    pub time: Duration,
    /// The credentials that were used, and for how many requests.
    pub credentials: Vec<(Arc<Credential>, u32)>,
    /// The first limit that was reached, if any.
    pub limit: Option<Limit>,
}

/// Imports `wasi:http` for sending requests.
///
/// # Errors
/// When two definitions clash, which would be a bug.
pub fn add_to_linker<T: WasiHttpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    lengths::bound(linker)
}

/// The state of `wasi:http` itself for one sandbox: almost nothing, and a limit for headers.
pub fn context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(MAX_HEADERS);
    context
}

/// The outbound requests of one sandbox. Until the first request, this costs almost nothing.
#[derive(Debug)]
pub struct Outbound {
    clients: Arc<Clients>,
    policy: Arc<Policy>,
    /// `None` before the event is known.
    sender: Option<Sender>,
    /// Opened with the first request.
    account: Option<Arc<Account>>,
}

impl Outbound {
    /// For a sandbox under `policy` whose event is not known yet; nothing is sent before [`Self::begin`].
    pub fn new(clients: Arc<Clients>, policy: Arc<Policy>) -> Self {
        Self { clients, policy, sender: None, account: None }
    }

    /// Sets the event, and thereby the owner of the connections.
    pub fn begin(&mut self, sender: Sender) {
        self.end();
        self.account = None;
        // They are there by the time that the guest has made its first request.
        self.clients.prefetch(&self.policy, &sender);
        self.sender = Some(sender);
    }

    /// Ends the event and everything in flight: nothing more is sent, received or charged for it.
    pub fn end(&mut self) {
        if let Some(account) = &self.account {
            account.close();
        }
        self.sender = None;
    }

    /// The use so far.
    pub fn usage(&self) -> OutboundUsage {
        self.account.as_ref().map(|account| account.usage()).unwrap_or_default()
    }

    /// The credential that could not be had, or that was still waited for.
    pub fn missing_credential(&self) -> Option<MissingCredential> {
        self.account.as_ref()?.credentials.missing()
    }

    /// The account of the event; `None` before the event.
    fn account(&mut self) -> Option<Arc<Account>> {
        if self.account.is_none() {
            let sender = self.sender.take()?;
            let account = Account::new(Arc::clone(&self.policy), sender, Arc::clone(&self.clients.log));
            self.account = Some(Arc::new(account));
        }
        self.account.clone()
    }

    /// Counts a request, and decides whether it may be sent.
    fn admit(&mut self, request: &Request<WasiBody>) -> Result<(Arc<Account>, Target), Error> {
        let account = self.account().filter(|account| !account.is_closed());
        let account = account.ok_or(Error::HttpRequestDenied)?;
        account.count_request().map_err(|_| Error::ConnectionLimitReached)?;
        if *request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let target = Target::of(request.uri())?;
        if !target.is_allowed_by(&self.policy) {
            account.log_denied(&target);
            return Err(Error::HttpRequestDenied);
        }
        Ok((account, target))
    }

    /// The rest of the work for an allowed request.
    fn exchange(
        &self,
        account: Arc<Account>,
        target: Target,
        options: Option<RequestOptions>,
    ) -> Result<Exchange, Error> {
        let lease = self.clients.lease(&account.sender, &self.policy, target);
        let lease = lease.map_err(|_| Error::ConfigurationError)?;
        let timeouts = Timeouts::new(options, self.policy.limits.wall_time);
        Ok(Exchange { account, timeouts, lease })
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        self.end();
    }
}

type Sending = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Outbound {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        static FILTER: LazyLock<ForbiddenHeaderFilter> = LazyLock::new(|| Arc::new(is_forbidden));
        Arc::clone(&FILTER)
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_AHEAD
    }

    /// The client sets this header, from the URI that was checked.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sending> + Send> {
        let admitted = self.admit(&request);
        let exchange = match admitted.and_then(|(account, target)| self.exchange(account, target, options)) {
            Ok(exchange) => exchange,
            Err(error) => {
                if let Some(account) = &self.account {
                    body::let_go(request.into_body(), account);
                }
                return Box::new(async { Err(error) });
            }
        };
        Box::new(async {
            let response = exchange.run(request).await?;
            // The exchange completes it by itself.
            Ok((response, Box::new(async { Ok(()) }) as Box<_>))
        })
    }
}

/// Headers that belong to the connection, which the host owns: in addition to those that are forbidden by
/// default, the headers that describe the framing of a message, or that request something between messages.
fn is_forbidden(name: &HeaderName) -> bool {
    let is_ours = |name: &HeaderName| {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
            || [header::TE, header::TRAILER, header::EXPECT].contains(name)
            || name.as_str().starts_with("proxy-")
    };
    if is_ours(name) {
        return true;
    }
    // Many servers read `transfer_encoding` as `transfer-encoding`, and some accept other characters.
    let read_as = name.as_str().replace(|sign: char| !sign.is_ascii_alphanumeric(), "-");
    read_as != name.as_str()
        && HeaderName::try_from(read_as).is_ok_and(|name| is_ours(&name) || name == header::CONTENT_LENGTH)
}
