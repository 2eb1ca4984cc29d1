//! The values of `[secrets]`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::cache::{Cache, Fetched, Fetching, Life, Limits};
use super::kept::{Key, Value};
use super::services::{Services, on_thread};
use super::{SecretValue, Unavailable, sources};
use crate::engine::meter::Meter;
use crate::log::Log;
use crate::policy::{Secret, SecretSource};

/// Secrets that are kept, of 8 KiB at most.
const LIMITS: Limits = Limits { most: 1024, at_once: 8 };

/// A value is used for this time.
const FRESH: Duration = Duration::from_secs(4 * 60);
/// From then on until this time, it is used while another one is fetched.
const GOOD: Duration = Duration::from_secs(5 * 60);
/// And until this time, if it cannot be fetched.
const USABLE: Duration = Duration::from_secs(60 * 60);

/// The time between two fetches of a secret because a server has refused it.
const REFUSED: Duration = Duration::from_secs(10);

/// The values of secrets.
#[derive(Debug)]
pub struct Secrets {
    services: Arc<Services>,
    task_root: Arc<PathBuf>,
    /// Of AWS.
    remote: Arc<Cache<Key, Value>>,
    /// Of this machine. They do not wait for those of AWS.
    local: Arc<Cache<Key, Value>>,
}

impl Secrets {
    pub(super) fn new(services: Arc<Services>, task_root: PathBuf, log: &Arc<Log>) -> Self {
        let [remote, local] = [(); 2].map(|()| Arc::new(Cache::new(LIMITS, log)));
        Self { services, task_root: Arc::new(task_root), remote, local }
    }

    fn cache_of(&self, secret: &Secret) -> &Arc<Cache<Key, Value>> {
        match secret.from {
            SecretSource::Parameter(_) | SecretSource::SecretsManager { .. } => &self.remote,
            SecretSource::Environment(_) | SecretSource::File(_) => &self.local,
        }
    }

    /// The value of a secret.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn get(&self, secret: &Arc<Secret>, meter: &Meter) -> Result<Arc<SecretValue>, Unavailable> {
        self.at(secret, meter, SystemTime::now()).await
    }

    pub(super) async fn at(
        &self,
        secret: &Arc<Secret>,
        meter: &Meter,
        now: SystemTime,
    ) -> Result<Arc<SecretValue>, Unavailable> {
        let mut fetch = || -> Fetching<Value> {
            let (services, task_root) = (Arc::clone(&self.services), Arc::clone(&self.task_root));
            let (secret, meter) = (Arc::clone(secret), meter.clone());
            Box::pin(async move {
                let what = format!("the secret {}", secret.name);
                let read = move || meter.charge(|| sources::read(&services, &task_root, &secret)).0;
                let value = on_thread(read).await.map_err(|error| error.of(&what))?;
                let life = Life { fresh: now + FRESH, good: now + GOOD, usable: now + USABLE };
                Ok(Fetched { value: Value::Secret(Arc::new(value)), life })
            })
        };
        let key = Key::Secret(Arc::clone(secret));
        self.cache_of(secret).get(&key, now, &mut fetch).await?.secret()
    }

    /// A server has answered 401 or 403 to a request with this value: the next request gets one that was fetched since.
    pub fn refused(&self, secret: &Arc<Secret>, value: &Arc<SecretValue>) {
        let (key, value) = (Key::Secret(Arc::clone(secret)), Value::Secret(Arc::clone(value)));
        self.cache_of(secret).doubt(&key, &value, SystemTime::now(), REFUSED);
    }
}
