//! The secrets and the sessions that the host uses for guests: where they come from, and how long they are kept.
//!
//! A [`Broker`] gives them to [`crate::capabilities::outbound`], which puts them into requests. Nothing is fetched, and no
//! client is made, before a request needs it, except for the session of a tenant whose event begins. A value is fetched once for all requests that wait for it, on a
//! thread that may wait; its processor time is charged to the event whose request came first. Values are kept in memory
//! only, and both their number and their age have limits.
//!
//! Ages are by the system's clock: an environment that was frozen uses nothing that has expired meanwhile.
//!
//! May use: text, http1, tls, log, policy, engine, aws.

mod cache;
mod error;
mod kept;
mod secrets;
mod services;
mod session_name;
mod sessions;
mod sources;
mod sts;
#[cfg(test)]
pub(crate) mod tests;
mod value;

use std::path::PathBuf;
use std::sync::Arc;

pub use error::Unavailable;
pub use secrets::Secrets;
pub use services::check_endpoints;
pub use sessions::{Refused, Sessions, Verdict};
pub use value::{SecretValue, check as check_secret};

use crate::aws::{Client, Clock, Credentials};
use crate::engine::meter::Meter;
use crate::log::Log;
use crate::policy::Vars;
use crate::tls::ExtraRoots;
use cache::{Cache, Fetched, Fetching, Life, Limits};
use kept::{Key, Value};
use services::Services;

/// What the broker knows of its process.
pub struct Process {
    /// `AWS_LAMBDA_FUNCTION_NAME`, for the names of sessions.
    pub function: String,
    /// Where the paths of files start.
    pub task_root: PathBuf,
    /// The environment. It is read when a value is needed.
    pub vars: Arc<dyn Vars + Send + Sync>,
    /// The time for signatures.
    pub clock: Clock,
    /// The bucket of the store, which guests must not reach.
    pub store_bucket: Option<String>,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("function", &self.function).finish_non_exhaustive()
    }
}

/// The event that needs a secret or a session.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Its tenant.
    pub tenant_id: Option<&'a Arc<str>>,
    /// Whether the tenant is known. A caller can make up any number of other ids.
    pub is_known: bool,
    /// The meter that is charged.
    pub meter: &'a Meter,
}

/// Gives secrets and sessions.
#[derive(Debug)]
pub struct Broker {
    services: Arc<Services>,
    /// So that many requests ask for the credentials of the role once. They are kept by their provider.
    role: Arc<Cache<Key, Value>>,
    secrets: Secrets,
    sessions: Sessions,
    store_bucket: Option<String>,
}

impl Broker {
    /// A broker that has not fetched anything yet. Its own requests trust these authorities in addition, and the log gets what
    /// could not be refreshed.
    pub fn new(process: Process, roots: ExtraRoots, log: &Arc<Log>) -> Self {
        let Process { function, task_root, vars, clock, store_bucket } = process;
        let services = Arc::new(Services::new(Client::new(roots).with_clock(clock), vars));
        Self {
            secrets: Secrets::new(Arc::clone(&services), task_root, log),
            sessions: Sessions::new(Arc::clone(&services), function, log),
            role: Arc::new(Cache::new(Limits { most: 1, at_once: 1 }, log)),
            services,
            store_bucket,
        }
    }

    /// The bucket of the store, which guests must not reach.
    pub fn store_bucket(&self) -> Option<&str> {
        self.store_bucket.as_deref()
    }

    /// The secrets.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The sessions of roles.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The credentials of the function's role.
    ///
    /// # Errors
    /// If there are none.
    pub async fn role(&self, event: Event<'_>) -> Result<Arc<Credentials>, Unavailable> {
        if let Some(known) = self.services.known_role() {
            return Ok(known);
        }
        let now = self.services.now();
        let mut fetch = || -> Fetching<Value> {
            let (services, meter) = (Arc::clone(&self.services), event.meter.clone());
            Box::pin(async move {
                let fetched = services::on_thread(move || meter.charge(|| services.role()).0).await?;
                let life = Life { fresh: now, good: now, usable: now };
                Ok(Fetched { value: Value::Keys(fetched), life })
            })
        };
        self.role.get(&Key::Role, now, &mut fetch).await?.keys()
    }

    /// The time for signatures.
    pub fn clock(&self) -> &Clock {
        self.services.clock()
    }
}
