//! Sessions of roles: one for each credential and tenant.
//!
//! A session that expires soon is replaced while it is still used, and none is used that has expired. Tenants that are
//! not known have fewer sessions, in a cache and on threads of their own: an id that a caller has made up neither takes
//! a session from a tenant that is known, nor lets it wait.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::rand::{GetRandomFlags, getrandom};

use super::cache::{Cache, Fetched, Fetching, Life, Limits};
use super::kept::{Key, Value};
use super::services::{Services, on_thread};
use super::sts::{AssumeRole, Failed};
use super::{Event, Unavailable, session_name};
use crate::aws::Credentials;
use crate::engine::meter::Meter;
use crate::log::Log;
use crate::policy::{Authentication, AwsSigning, Credential, Role};

/// Sessions of tenants that are known.
const KNOWN: Limits = Limits { most: 1024, at_once: 8 };
/// Sessions of other tenants.
const STRANGERS: Limits = Limits { most: 64, at_once: 2 };

/// A session that is valid for less than this is replaced.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// What is added to that at random, so that the environments of a function do not ask at one moment.
const SPREAD: u32 = 60;
/// A session is not used for the last seconds of its life: a request takes a while to arrive.
const LATE: Duration = Duration::from_secs(10);

/// Attempts if STS is busy.
const ATTEMPTS: u32 = 5;
/// The longest time between the first two attempts, in milliseconds. It doubles with each further one.
const FIRST_WAIT: u32 = if cfg!(test) { 4 } else { 200 };

/// The time between two sessions of a tenant because a service says that one is not valid.
const INVALID: Duration = Duration::from_secs(60);
/// The same because a service denies access, which is also how a session ends that was revoked.
const DENIED: Duration = Duration::from_secs(5 * 60);

/// Sessions of roles.
#[derive(Debug)]
pub struct Sessions {
    services: Arc<Services>,
    function: String,
    known: Arc<Cache<Key, Value>>,
    strangers: Arc<Cache<Key, Value>>,
}

/// What a service says of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not valid.
    Invalid,
    /// It may not do what it was used for.
    Denied,
}

/// A session that a service has refused.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    /// The session.
    pub session: &'a Arc<Credentials>,
    /// What the service said of it.
    pub verdict: Verdict,
}

impl Sessions {
    pub(super) fn new(services: Arc<Services>, function: String, log: &Arc<Log>) -> Self {
        Self {
            services,
            function,
            known: Arc::new(Cache::new(KNOWN, log)),
            strangers: Arc::new(Cache::new(STRANGERS, log)),
        }
    }

    /// A session of this role for the tenant of an event.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn get(
        &self,
        credential: &Arc<Credential>,
        role: &Role,
        event: Event<'_>,
    ) -> Result<Arc<Credentials>, Unavailable> {
        let (key, cache) = self.place(credential, role, event);
        let mut fetch = || self.open(&key, role, event.meter);
        cache.get(&key, self.services.now(), &mut fetch).await?.keys()
    }

    /// Opens the session of a tenant that is known, unless there is one, while the event does something else.
    pub fn prefetch(&self, credential: &Arc<Credential>, event: Event<'_>) {
        let Authentication::Aws(AwsSigning { role: Some(role), .. }) = &credential.authentication else {
            return;
        };
        if event.is_known {
            let (key, cache) = self.place(credential, role, event);
            cache.prefetch(&key, self.services.now(), &mut || self.open(&key, role, event.meter));
        }
    }

    /// Opens a session.
    fn open(&self, key: &Key, role: &Role, meter: &Meter) -> Fetching<Value> {
        let tenant = key.tenant();
        let request = AssumeRole::new(role, &session_name::of(&self.function, tenant), tenant);
        let (services, meter) = (Arc::clone(&self.services), meter.clone());
        let what = format!("a session of {}", role.arn);
        Box::pin(async move {
            let session = async { fetch(services, request?, meter).await };
            session.await.map_err(|error: Unavailable| error.of(&what))
        })
    }

    /// A service has refused a request that was signed with this session.
    pub fn refused(&self, credential: &Arc<Credential>, event: Event<'_>, refused: Refused<'_>) {
        let Authentication::Aws(AwsSigning { role: Some(role), .. }) = &credential.authentication else {
            return;
        };
        let (key, cache) = self.place(credential, role, event);
        let pause = match refused.verdict {
            Verdict::Invalid => INVALID,
            Verdict::Denied => DENIED,
        };
        let session = Value::Keys(Arc::clone(refused.session));
        cache.doubt(&key, &session, self.services.now(), pause);
    }

    /// The key of a session, and the cache that it is in.
    fn place(
        &self,
        credential: &Arc<Credential>,
        role: &Role,
        event: Event<'_>,
    ) -> (Key, &Arc<Cache<Key, Value>>) {
        let is_own = event.is_known || role.names_tenant();
        let tenant = event.tenant_id.filter(|_| is_own).cloned();
        let is_stranger = !event.is_known && tenant.is_some();
        let cache = if is_stranger { &self.strangers } else { &self.known };
        (Key::Session(Arc::clone(credential), tenant), cache)
    }
}

async fn fetch(
    services: Arc<Services>,
    request: AssumeRole,
    meter: Meter,
) -> Result<Fetched<Value>, Unavailable> {
    let request = Arc::new(request);
    for attempt in 1.. {
        let (services, request, meter) = (Arc::clone(&services), Arc::clone(&request), meter.clone());
        let (sent, now) = on_thread(move || {
            let sent = meter.charge(|| request.send(&services)).0;
            Ok((sent, services.now()))
        })
        .await?;
        match sent {
            Ok(session) => return usable(session, now),
            Err(Failed::Busy(_)) if attempt < ATTEMPTS => {
                let longest = FIRST_WAIT << (attempt - 1);
                let wait = longest / 2 + random() % (longest / 2);
                tokio::time::sleep(Duration::from_millis(u64::from(wait))).await;
            }
            Err(Failed::Busy(error) | Failed::Refused(error)) => return Err(error),
        }
    }
    Err(Unavailable::new("STS did not answer"))
}

/// How long a session is used.
fn usable(session: Credentials, now: SystemTime) -> Result<Fetched<Value>, Unavailable> {
    let end = session.expires.and_then(|expires| expires.checked_sub(LATE)).filter(|end| now < *end);
    let end = end.ok_or_else(|| Unavailable::new("STS gave a session that has expired"))?;
    let ahead = AHEAD + Duration::from_secs(u64::from(random() % SPREAD));
    let fresh = end.checked_sub(ahead).unwrap_or(now);
    Ok(Fetched { value: Value::Keys(Arc::new(session)), life: Life { fresh, good: end, usable: end } })
}

/// Without random bytes, times are only less spread.
fn random() -> u32 {
    let mut bytes = [0; 4];
    let _ = getrandom(&mut bytes, GetRandomFlags::NONBLOCK);
    u32::from_ne_bytes(bytes)
}
