//! Sends requests over connections that are kept, each until its server closes it.

use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::ClientConfig;

use super::clock::Clock;
use super::wire::{ClientError, Wire};
use crate::http1::{Headers, Server};
use crate::tls::ExtraRoots;

/// Connections that are kept. There are never more in use than threads that wait for a reply.
const MAX_KEPT: usize = 8;
/// A connection that rested for longer is not used again: its server, or a gateway on the way to it, may have forgotten it
/// without a word, and a request would wait for a reply that never comes.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// If a request took longer than its limit by this, the environment was frozen meanwhile.
const FREEZE: Duration = Duration::from_secs(1);

/// A client of the host's own.
#[derive(Debug, Default)]
pub struct Client {
    roots: ExtraRoots,
    clock: Clock,
    /// Made with the first request that needs it.
    tls: OnceLock<Result<Arc<ClientConfig>, rustls::Error>>,
    /// The one that was used last is the last.
    kept: Mutex<Vec<Kept>>,
}

/// A connection that is not in use.
#[derive(Debug)]
struct Kept {
    server: Server,
    wire: Wire,
    /// By the system's clock, which goes on while the environment is frozen.
    since: SystemTime,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where it goes.
    pub server: &'a Server,
    /// `GET`
    pub method: &'a str,
    /// The path and the query, as they are sent.
    pub target: &'a str,
    /// All headers but `host`, `content-length` and `accept-encoding`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// The largest body of a reply that reports success.
    pub most: u64,
    /// The time for all of it.
    pub time: Duration,
    /// Whether it may be sent again if it is not known what became of it.
    pub is_repeatable: bool,
}

/// A reply, whatever its status.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body. That of a reply that reports an error is empty if it is too large.
    pub body: Vec<u8>,
}

/// Without the body, which may be a secret.
impl Debug for Reply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Reply {
    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?).ok()
    }
}

impl Client {
    /// A client that also trusts these authorities.
    pub fn new(roots: ExtraRoots) -> Self {
        Self { roots, ..Self::default() }
    }

    /// The same, for a process that has this clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The time for signatures.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Sends a request, and reads the reply.
    ///
    /// A connection that was kept may have been closed by its server, and any connection while the environment was frozen. Then
    /// the request is sent once more, on a new connection.
    ///
    /// # Errors
    /// If there is no reply in time, or a reply that is not valid.
    pub fn send(&self, request: &Request<'_>) -> Result<Reply, ClientError> {
        let asked = SystemTime::now();
        let until = Instant::now() + request.time;
        let kept = self.take(request.server);
        let was_kept = kept.is_some();
        let error = match self.attempt(kept, request, until) {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let took = SystemTime::now().duration_since(asked).unwrap_or_default();
        let was_frozen = took > request.time + FREEZE;
        let is_of_connection = match &error {
            ClientError::Connect { .. } | ClientError::Broken(_) | ClientError::TimedOut => true,
            ClientError::Reply(_)
            | ClientError::HeadTooLarge
            | ClientError::TooLarge { .. }
            | ClientError::Tls(_) => false,
        };
        if !request.is_repeatable || !is_of_connection || !(was_kept || was_frozen) {
            return Err(error);
        }
        let until = if was_frozen { Instant::now() + request.time } else { until };
        if Instant::now() >= until { Err(error) } else { self.attempt(None, request, until) }
    }

    fn attempt(
        &self,
        kept: Option<Wire>,
        request: &Request<'_>,
        until: Instant,
    ) -> Result<Reply, ClientError> {
        let mut wire = match kept {
            Some(wire) => wire,
            None => Wire::connect(request.server, self.tls(request.server)?, until)?,
        };
        let reply = wire.exchange(request, until)?;
        if wire.is_usable() {
            let mut kept = self.lock();
            if kept.len() >= MAX_KEPT {
                kept.remove(0);
            }
            kept.push(Kept { server: request.server.clone(), wire, since: SystemTime::now() });
        }
        Ok(reply)
    }

    /// A connection that was kept, and is not known to be closed.
    fn take(&self, server: &Server) -> Option<Wire> {
        let (mut kept, now) = (self.lock(), SystemTime::now());
        // If the clock was set back, nobody knows for how long it rested.
        let is_young = |since| now.duration_since(since).is_ok_and(|rest| rest <= LONGEST_REST);
        kept.retain(|kept| is_young(kept.since) && kept.wire.is_usable());
        let at = kept.iter().rposition(|kept| kept.server == *server)?;
        Some(kept.remove(at).wire)
    }

    fn tls(&self, server: &Server) -> Result<Option<Arc<ClientConfig>>, ClientError> {
        if !server.is_tls {
            return Ok(None);
        }
        let tls = self.tls.get_or_init(|| self.roots.client().map(Arc::new));
        Ok(tls.clone().map(Some)?)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
