//! The clients of the process: one for each tenant and policy, so that connections outlive sandboxes but
//! never serve another tenant.
//!
//! A guest may name any number of hosts, and descriptors are few (Lambda grants 1024), so everything here
//! has a limit: 32 clients, each with up to 16 requests under way and about 8 connections that rest.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;

use super::OutboundError;
use super::body::Sent;
use super::connect::{Connector, Dialer, RuntimeApi};
use super::resolver::{Lookups, Resolver};
use crate::log::Log;
use crate::policy::Policy;

/// The client that was used least recently goes when there are more.
const MAX_CLIENTS: usize = 32;
/// Requests of one client at a time; more wait.
const MAX_UNDER_WAY: usize = 16;
/// Connections of one client that rest; where there are more, all of them are closed.
const MAX_RESTING: usize = 8;
/// Of these, to one host.
const MAX_RESTING_PER_HOST: usize = 4;
/// How long a connection rests. Load balancers close theirs after 60 seconds or more.
const REST: Duration = Duration::from_secs(50);
/// The head of a response.
const MAX_HEAD: usize = 64 * 1024;
/// TLS sessions that a client can resume.
const MAX_SESSIONS: usize = 32;

type Pool = Client<Connector, Sent>;

/// Shared by all sandboxes of the process.
#[derive(Debug)]
pub struct Clients {
    pub(super) log: Arc<Log>,
    runtime_api: Arc<RuntimeApi>,
    resolver: Resolver,
    extra_roots: RootCertStore,
    /// Made at the first request, as most functions never send one.
    tls: OnceLock<Result<ClientConfig, rustls::Error>>,
    /// The one that was used last comes last.
    clients: Mutex<Vec<TenantClient>>,
}

/// The client of one tenant under one policy.
#[derive(Debug)]
struct TenantClient {
    tenant_id: Option<String>,
    policy: Arc<Policy>,
    dialer: Dialer,
    turns: Arc<Semaphore>,
    pool: Pool,
    used: SystemTime,
}

/// What one request needs of a client.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) pool: Pool,
    pub(super) turns: Arc<Semaphore>,
}

impl Clients {
    /// No clients yet. The Runtime API at `runtime_api` (`host:port`) is out of reach for all of them;
    /// beside the authorities that browsers trust they trust `extra_roots`, which are PEM files.
    ///
    /// # Errors
    /// When a file holds no certificate or something else, or `runtime_api` is not an authority.
    pub fn new(
        log: Arc<Log>,
        runtime_api: &str,
        extra_roots: &[(PathBuf, Vec<u8>)],
    ) -> Result<Arc<Self>, OutboundError> {
        Self::with_resolver(log, runtime_api, extra_roots, Resolver::System)
    }

    pub(super) fn with_resolver(
        log: Arc<Log>,
        runtime_api: &str,
        extra_roots: &[(PathBuf, Vec<u8>)],
        resolver: Resolver,
    ) -> Result<Arc<Self>, OutboundError> {
        let invalid = || OutboundError::RuntimeApi(runtime_api.to_owned());
        Ok(Arc::new(Self {
            log,
            runtime_api: Arc::new(RuntimeApi::new(runtime_api).ok_or_else(invalid)?),
            resolver,
            extra_roots: read_roots(extra_roots)?,
            tls: OnceLock::new(),
            clients: Mutex::default(),
        }))
    }

    /// A client that only this tenant uses, and only under this policy.
    pub(super) fn lease(
        &self,
        tenant_id: Option<&str>,
        policy: &Arc<Policy>,
    ) -> Result<Lease, rustls::Error> {
        let now = SystemTime::now();
        let tls = self.tls()?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients.iter().position(|client| client.is_of(tenant_id, policy));
        let mut client = match known {
            Some(at) => clients.remove(at),
            None => self.client(tenant_id, policy, tls),
        };
        if client.is_stale(now) {
            client.pool = pool(&client.dialer, tls);
        }
        client.used = now;
        let lease = Lease { pool: client.pool.clone(), turns: Arc::clone(&client.turns) };
        if clients.len() >= MAX_CLIENTS {
            clients.remove(0);
        }
        clients.push(client);
        Ok(lease)
    }

    fn client(&self, tenant_id: Option<&str>, policy: &Arc<Policy>, tls: &ClientConfig) -> TenantClient {
        let dialer = Dialer {
            policy: Arc::clone(policy),
            lookups: Lookups::new(self.resolver.clone()),
            runtime_api: Arc::clone(&self.runtime_api),
            open: Arc::new(AtomicUsize::new(0)),
        };
        TenantClient {
            tenant_id: tenant_id.map(str::to_owned),
            policy: Arc::clone(policy),
            pool: pool(&dialer, tls),
            dialer,
            turns: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
            used: SystemTime::now(),
        }
    }

    fn tls(&self) -> Result<&ClientConfig, rustls::Error> {
        let tls = self.tls.get_or_init(|| {
            let mut roots = self.extra_roots.clone();
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder =
                ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
            Ok(builder.with_root_certificates(roots).with_no_client_auth())
        });
        tls.as_ref().map_err(Clone::clone)
    }
}

impl TenantClient {
    fn is_of(&self, tenant_id: Option<&str>, policy: &Arc<Policy>) -> bool {
        self.tenant_id.as_deref() == tenant_id && self.policy == *policy
    }

    /// Whether its connections have rested too long, or are too many. The pool measures rest too, but its
    /// clock may stand still while the environment is frozen.
    fn is_stale(&self, now: SystemTime) -> bool {
        let under_way = MAX_UNDER_WAY.saturating_sub(self.turns.available_permits());
        let resting = self.dialer.open.load(Relaxed).saturating_sub(under_way);
        resting >= MAX_RESTING || now.duration_since(self.used).is_ok_and(|rested| rested > REST)
    }
}

fn pool(dialer: &Dialer, tls: &ClientConfig) -> Pool {
    // A resumed session tells a server who comes back, and would vouch for another tenant's handshake.
    let mut tls = tls.clone();
    tls.resumption = Resumption::in_memory_sessions(MAX_SESSIONS);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(REST)
        .pool_max_idle_per_host(MAX_RESTING_PER_HOST)
        .http1_max_buf_size(MAX_HEAD)
        .build(Connector::new(dialer.clone(), tls))
}

fn read_roots(files: &[(PathBuf, Vec<u8>)]) -> Result<RootCertStore, OutboundError> {
    let mut roots = RootCertStore::empty();
    for (file, pem) in files {
        let bad = |reason: String| OutboundError::Certificate { file: file.clone(), reason };
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(bad("there is no certificate in it".to_owned()));
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::super::account::tests::log;
    use super::*;

    fn clients() -> Arc<Clients> {
        Clients::new(log().0, "127.0.0.1:9001", &[]).unwrap()
    }

    impl Clients {
        /// Who has a client, the one that was used last at the end.
        fn tenants(&self) -> Vec<Option<String>> {
            self.clients.lock().unwrap().iter().map(|client| client.tenant_id.clone()).collect()
        }

        /// As if the client that was used last had not been used since.
        pub(in crate::outbound) fn rest(&self, time: Duration) {
            self.clients.lock().unwrap().last_mut().unwrap().used -= time;
        }

        /// Connections of the client that was used last.
        pub(in crate::outbound) fn open(&self) -> usize {
            self.clients.lock().unwrap().last().unwrap().dialer.open.load(Relaxed)
        }
    }

    #[tokio::test]
    async fn a_client_is_one_tenant_s_and_one_policy_s() {
        let clients = clients();
        let policy = Arc::new(Policy::default_for("hello"));
        clients.lease(Some("a"), &policy).unwrap();
        clients.lease(None, &policy).unwrap();
        // The same policy, elsewhere in memory.
        clients.lease(Some("a"), &Arc::new(Policy::default_for("hello"))).unwrap();
        assert_eq!(clients.tenants(), [None, Some("a".to_owned())]);
        clients.lease(Some("a"), &Arc::new(Policy::default_for("other"))).unwrap();
        assert_eq!(clients.tenants().len(), 3);
    }

    #[tokio::test]
    async fn the_client_that_was_used_least_recently_goes() {
        let clients = clients();
        let policy = Arc::new(Policy::default_for("hello"));
        for tenant in 0..MAX_CLIENTS {
            clients.lease(Some(&tenant.to_string()), &policy).unwrap();
        }
        clients.lease(Some("0"), &policy).unwrap();
        clients.lease(Some("new"), &policy).unwrap();
        let tenants = clients.tenants();
        assert_eq!(tenants.len(), MAX_CLIENTS);
        assert!(tenants.contains(&Some("0".to_owned())) && !tenants.contains(&Some("1".to_owned())));
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let files = [(PathBuf::from("ca.pem"), pem.as_bytes().to_vec())];
            let error = Clients::new(log().0, "127.0.0.1:9001", &files).unwrap_err().to_string();
            assert!(error.starts_with("ca.pem cannot be used: "), "{error}");
        }
    }

    #[test]
    fn the_runtime_api_must_be_a_host_and_a_port() {
        for good in ["127.0.0.1:9001", "localhost", "[::1]:80", "[::1]"] {
            assert!(Clients::new(log().0, good, &[]).is_ok(), "{good}");
        }
        for bad in ["", ":9001", "127.0.0.1:x", "127.0.0.1:99999"] {
            assert!(Clients::new(log().0, bad, &[]).is_err(), "{bad}");
        }
    }
}
