//! The HTTP clients of the process: one for each owner and policy, so that connections outlive sandboxes but
//! never serve another tenant.
//!
//! A guest may use any number of hosts, and an event any number of unknown tenants, but file descriptors are
//! few (Lambda grants 1024). So everything here has a limit: 16 requests in flight and 8 idle connections for
//! each client, and 32 unused clients. Unknown tenants share the client of their handler, but none of its
//! connections.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::ClientConfig;
use rustls::client::Resumption;
use tokio::sync::Semaphore;

use super::OutboundError;
use super::account::Sender;
use super::connect::{Dialer, RuntimeApi, Tls};
use super::credential::event_of;
use super::pool::{Pool, Purpose};
use super::resolver::{Lookups, Resolver, Threads};
use super::target::Target;
use crate::credentials::{Broker, Process};
use crate::log::Log;
use crate::policy::{Owner, Policy};
use crate::tls::ExtraRoots;

/// If there are more clients, the least recently used one is dropped, unless it is in use. There are never
/// more in use than events.
const MAX_CLIENTS: usize = 32;
/// Requests of one client at a time; others wait.
const MAX_UNDER_WAY: usize = 16;
/// Requests of all clients at a time.
const MAX_UNDER_WAY_IN_ALL: usize = 512;
/// KiB of bodies of one client that are kept until they are signed and sent; others wait.
const MAX_BODIES: usize = 4 * 1024;
/// KiB of bodies of all clients.
const MAX_BODIES_IN_ALL: usize = 64 * 1024;
/// TLS sessions that a client can resume.
const MAX_SESSIONS: usize = 32;

/// Shared by all sandboxes of the process.
#[derive(Debug)]
pub struct Clients {
    pub(super) log: Arc<Log>,
    runtime_api: Arc<RuntimeApi>,
    resolver: Resolver,
    lookup_threads: Arc<Threads>,
    extra_roots: ExtraRoots,
    /// `None`: there are no credentials.
    broker: Option<Arc<Broker>>,
    /// Created with the first request, since most functions never send one.
    tls: OnceLock<Result<ClientConfig, rustls::Error>>,
    turns: Arc<Semaphore>,
    room: Arc<Semaphore>,
    /// The most recently used one comes last.
    clients: Mutex<Vec<Arc<Client>>>,
}

/// The client of one owner under one policy.
#[derive(Debug)]
pub(super) struct Client {
    owner: Owner,
    pub(super) dialer: Dialer,
    pub(super) turns: Arc<Semaphore>,
    pub(super) pool: Pool,
    pub(super) broker: Option<Arc<Broker>>,
    /// The KiB of bodies that may be kept until they are signed and sent.
    pub(super) room: Arc<Semaphore>,
}

/// The resources for one request.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) client: Arc<Client>,
    pub(super) purpose: Purpose,
    pub(super) turns_in_all: Arc<Semaphore>,
    pub(super) room_in_all: Arc<Semaphore>,
}

impl Clients {
    /// Starts without clients. The Runtime API at `runtime_api` (`host:port`) is out of reach for all of
    /// them. In addition to the authorities that browsers trust, they trust `extra_roots`, which are PEM
    /// files.
    ///
    /// # Errors
    /// If a file contains no certificate or something else, or if `runtime_api` is not a valid authority.
    pub fn new(
        log: Arc<Log>,
        runtime_api: &str,
        extra_roots: &[(PathBuf, Vec<u8>)],
    ) -> Result<Arc<Self>, OutboundError> {
        Ok(Arc::new(Self::with_resolver(log, runtime_api, extra_roots, Resolver::System)?))
    }

    /// The same, with credentials of this process.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_credentials(
        log: &Arc<Log>,
        runtime_api: &str,
        extra_roots: &[(PathBuf, Vec<u8>)],
        process: Process,
    ) -> Result<Arc<Self>, OutboundError> {
        let clients = Self::with_resolver(Arc::clone(log), runtime_api, extra_roots, Resolver::System)?;
        let broker = Broker::new(process, clients.extra_roots.clone(), log);
        Ok(Arc::new(Self { broker: Some(Arc::new(broker)), ..clients }))
    }

    pub(super) fn with_resolver(
        log: Arc<Log>,
        runtime_api: &str,
        extra_roots: &[(PathBuf, Vec<u8>)],
        resolver: Resolver,
    ) -> Result<Self, OutboundError> {
        let invalid = || OutboundError::RuntimeApi(runtime_api.to_owned());
        Ok(Self {
            log,
            runtime_api: Arc::new(RuntimeApi::new(runtime_api).ok_or_else(invalid)?),
            resolver,
            lookup_threads: Arc::default(),
            extra_roots: ExtraRoots::read(extra_roots)?,
            broker: None,
            tls: OnceLock::new(),
            turns: Arc::new(Semaphore::new(MAX_UNDER_WAY_IN_ALL)),
            room: Arc::new(Semaphore::new(MAX_BODIES_IN_ALL)),
            clients: Mutex::default(),
        })
    }

    /// The resources for a request to `target`: a client that is used only by the owner of this event, and
    /// only under this policy.
    pub(super) fn lease(
        &self,
        sender: &Sender,
        policy: &Arc<Policy>,
        target: Target,
    ) -> Result<Lease, rustls::Error> {
        let stranger = match &sender.owner {
            Owner::Tenant(_) => None,
            Owner::Handler(_) => sender.scope.tenant_id.clone(),
        };
        let credential = target.credential(policy).cloned();
        Ok(Lease {
            client: self.client(&sender.owner, policy)?,
            purpose: Purpose { target, credential, stranger },
            turns_in_all: Arc::clone(&self.turns),
            room_in_all: Arc::clone(&self.room),
        })
    }

    /// Opens the sessions that an event may need, and that are not there.
    pub(super) fn prefetch(&self, policy: &Policy, sender: &Sender) {
        if let Some(broker) = &self.broker {
            let all = policy.grants.credentials.iter();
            all.for_each(|credential| broker.sessions().prefetch(credential, event_of(sender)));
        }
    }

    fn client(&self, owner: &Owner, policy: &Arc<Policy>) -> Result<Arc<Client>, rustls::Error> {
        let tls = self.tls()?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients.iter().position(|client| client.is_of(owner, policy));
        let client = match known {
            Some(at) => clients.remove(at),
            None => Arc::new(self.new_client(owner, policy, tls)),
        };
        if clients.len() >= MAX_CLIENTS
            && let Some(at) = clients.iter().position(Client::is_idle)
        {
            clients.remove(at);
        }
        clients.push(Arc::clone(&client));
        Ok(client)
    }

    fn new_client(&self, owner: &Owner, policy: &Arc<Policy>, tls: &ClientConfig) -> Client {
        let mut resuming = tls.clone();
        resuming.resumption = Resumption::in_memory_sessions(MAX_SESSIONS);
        let mut afresh = tls.clone();
        afresh.resumption = Resumption::disabled();
        Client {
            owner: owner.clone(),
            dialer: Dialer {
                policy: Arc::clone(policy),
                lookups: Lookups::new(self.resolver.clone(), Arc::clone(&self.lookup_threads)),
                runtime_api: Arc::clone(&self.runtime_api),
                tls: Tls { resuming: Arc::new(resuming), afresh: Arc::new(afresh) },
            },
            turns: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
            pool: Pool::default(),
            broker: self.broker.clone(),
            room: Arc::new(Semaphore::new(MAX_BODIES)),
        }
    }

    fn tls(&self) -> Result<&ClientConfig, rustls::Error> {
        self.tls.get_or_init(|| self.extra_roots.client()).as_ref().map_err(Clone::clone)
    }
}

impl Client {
    fn is_of(&self, owner: &Owner, policy: &Arc<Policy>) -> bool {
        self.owner == *owner && self.dialer.policy == *policy
    }

    /// Whether another request is in flight besides the one that asks.
    pub(super) fn is_shared(&self) -> bool {
        self.turns.available_permits() + 1 < MAX_UNDER_WAY
    }

    /// Whether it can be dropped. A client in use would be created again, with all of its limits.
    fn is_idle(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 && self.dialer.lookups.are_done()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::account::tests::{log, sender};
    use super::*;
    use crate::log::Scope;

    fn clients() -> Arc<Clients> {
        Clients::new(log().0, "127.0.0.1:9001", &[]).unwrap()
    }

    fn tenant(id: &str) -> Owner {
        Owner::Tenant(id.into())
    }

    impl Clients {
        /// The same, with a broker.
        pub(in crate::capabilities::outbound) fn with_broker(self, broker: Broker) -> Arc<Self> {
            Arc::new(Self { broker: Some(Arc::new(broker)), ..self })
        }

        /// Who has a client, the one that was used last at the end.
        fn owners(&self) -> Vec<Owner> {
            self.clients.lock().unwrap().iter().map(|client| client.owner.clone()).collect()
        }

        /// The client that was used last.
        pub(in crate::capabilities::outbound) fn last(&self) -> Arc<Client> {
            Arc::clone(self.clients.lock().unwrap().last().unwrap())
        }

        /// What an event of a tenant that the manifest does not know needs, where it knows nobody.
        fn lease_of(&self, stranger: &str, policy: &Arc<Policy>) -> Lease {
            let scope = Scope { request_id: None, tenant_id: Some(stranger.into()) };
            let sender = Sender { scope, ..sender(Duration::MAX) };
            let target = Target::of(&"https://a.example/".parse().unwrap()).unwrap();
            self.lease(&sender, policy, target).unwrap()
        }
    }

    #[test]
    fn a_client_is_one_owner_s_and_one_policy_s() {
        let clients = clients();
        let policy = Arc::new(Policy::default_for("hello"));
        clients.client(&tenant("a"), &policy).unwrap();
        clients.client(&Owner::Handler(0), &policy).unwrap();
        // The same policy, elsewhere in memory.
        clients.client(&tenant("a"), &Arc::new(Policy::default_for("hello"))).unwrap();
        assert_eq!(clients.owners(), [Owner::Handler(0), tenant("a")]);
        clients.client(&tenant("a"), &Arc::new(Policy::default_for("other"))).unwrap();
        assert_eq!(clients.owners().len(), 3);
    }

    #[test]
    fn the_client_that_was_used_least_recently_goes_unless_it_is_in_use() {
        let clients = clients();
        let policy = Arc::new(Policy::default_for("hello"));
        for id in 0..MAX_CLIENTS {
            clients.client(&tenant(&id.to_string()), &policy).unwrap();
        }
        clients.client(&tenant("0"), &policy).unwrap();
        let in_use = clients.client(&tenant("1"), &policy).unwrap();
        for id in 0..2 * MAX_CLIENTS {
            clients.client(&tenant(&format!("new-{id}")), &policy).unwrap();
        }
        let owners = clients.owners();
        assert_eq!(owners.len(), MAX_CLIENTS);
        assert!(owners.contains(&tenant("1")) && !owners.contains(&tenant("0")));
        let again = clients.client(&tenant("1"), &policy).unwrap();
        assert!(Arc::ptr_eq(&in_use, &again), "its requests under way are still counted");
    }

    #[test]
    fn strangers_share_a_client_and_its_limits_but_no_connection() {
        let clients = clients();
        let policy = Arc::new(Policy::default_for("hello"));
        let leases: Vec<Lease> = (0..100).map(|id| clients.lease_of(&id.to_string(), &policy)).collect();
        assert_eq!(clients.owners(), [Owner::Handler(0)]);
        assert!(leases.iter().all(|lease| Arc::ptr_eq(&lease.client, &leases[0].client)));
        assert_ne!(leases[0].purpose, leases[1].purpose);
        assert_eq!(leases[1].purpose, clients.lease_of("1", &policy).purpose);
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
