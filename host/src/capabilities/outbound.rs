//! Outbound HTTP: what a handler may reach, and how it gets there.
//!
//! A request is counted, then held against the handler's allow-list, then sent by a client that belongs to
//! the tenant and outlives the sandbox. Only the connection knows the address that a name stands for, so it
//! is judged there, under the same policy. Redirects are the guest's business: the next request is checked
//! like the first.

mod account;
mod address;
mod body;
mod clients;
mod clock;
mod connect;
mod exchange;
mod failure;
mod lengths;
mod link;
mod pool;
mod resolver;
mod target;
#[cfg(test)]
mod tests;
mod wire;

use std::path::PathBuf;
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

use crate::policy::{Limit, Policy};
use crate::text::printable::Shown as _;
use account::Account;
use exchange::{Exchange, Timeouts};
use target::Target;

/// All headers of one message, with what it takes to keep them. Servers take 8 to 16 KiB of headers, most of them.
pub(crate) const MAX_HEADERS: usize = 64 * 1024;
/// What waits in the host of the body of a request until it is sent.
const BODY_AHEAD: usize = 64 * 1024;

/// Outbound requests cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// A file of `extra_ca_certificates` is of no use.
    #[error("{file} cannot be used: {reason}; it must hold certificates of authorities in PEM format", file = .file.shown())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What must be out of reach is not known.
    #[error("the Runtime API's address is `{0}`; it must be a host and a port, such as `127.0.0.1:9001`")]
    RuntimeApi(String),
}

/// What one event's requests have used, for its receipt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboundUsage {
    /// Requests, those that were denied included.
    pub requests: u32,
    /// Bytes that were sent over its connections, with all that is around bodies.
    pub bytes_out: u64,
    /// Bytes that were received over them.
    pub bytes_in: u64,
    /// For how long at least one request was under way, until its response had been read.
    pub time: Duration,
    /// The limit that was reached first, if one was.
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

/// What `wasi:http` keeps of its own for one sandbox: next to nothing, and headers up to a size.
pub fn context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(MAX_HEADERS);
    context
}

/// The outbound requests of one sandbox. It costs next to nothing until it is used.
#[derive(Debug)]
pub struct Outbound {
    clients: Arc<Clients>,
    policy: Arc<Policy>,
    /// None before the event is known.
    sender: Option<Sender>,
    /// Opened with the first request.
    account: Option<Arc<Account>>,
}

impl Outbound {
    /// For a sandbox under `policy` whose event is not known yet; nothing is sent until [`Self::begin`].
    pub fn new(clients: Arc<Clients>, policy: Arc<Policy>) -> Self {
        Self { clients, policy, sender: None, account: None }
    }

    /// Names the event, and with it whose connections are used.
    pub fn begin(&mut self, sender: Sender) {
        self.end();
        self.account = None;
        self.sender = Some(sender);
    }

    /// The event is over, and so is all that it has under way: nothing more is sent, received or spent for it.
    pub fn end(&mut self) {
        if let Some(account) = &self.account {
            account.close();
        }
        self.sender = None;
    }

    /// What it has used so far.
    pub fn usage(&self) -> OutboundUsage {
        self.account.as_ref().map(|account| account.usage()).unwrap_or_default()
    }

    /// The account of the event; there is none before the event.
    fn account(&mut self) -> Option<Arc<Account>> {
        if self.account.is_none() {
            let sender = self.sender.take()?;
            let account = Account::new(Arc::clone(&self.policy), sender, Arc::clone(&self.clients.log));
            self.account = Some(Arc::new(account));
        }
        self.account.clone()
    }

    /// Counts a request and decides whether it may be sent.
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

    /// What is left to do for a request that is allowed.
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

    /// The client writes it, from the URI that was checked.
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
            // The exchange sees to the rest of it itself.
            Ok((response, Box::new(async { Ok(()) }) as Box<_>))
        })
    }
}

/// Headers that belong to the connection, which is the host's. Beside those that are forbidden by default,
/// the ones that say how a message is framed, or that ask for something between messages.
fn is_forbidden(name: &HeaderName) -> bool {
    let is_ours = |name: &HeaderName| {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
            || [header::TE, header::TRAILER, header::EXPECT].contains(name)
            || name.as_str().starts_with("proxy-")
    };
    if is_ours(name) {
        return true;
    }
    // Many servers take `transfer_encoding` for `transfer-encoding`, and some any other sign.
    let read_as = name.as_str().replace(|sign: char| !sign.is_ascii_alphanumeric(), "-");
    read_as != name.as_str()
        && HeaderName::try_from(read_as).is_ok_and(|name| is_ours(&name) || name == header::CONTENT_LENGTH)
}
