//! From names to addresses.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Lookups of one client that may wait at a time. Each keeps a thread of the process, even when nobody waits
/// for it any more, and a guest may name hosts whose name servers never answer.
const MAX_LOOKUPS: usize = 8;

/// Resolves names.
#[derive(Debug, Clone)]
pub(super) enum Resolver {
    /// As the system does.
    System,
    /// As a test says.
    #[cfg(test)]
    Fake(Arc<tests::Answers>),
}

/// The lookups of one client.
#[derive(Debug, Clone)]
pub(super) struct Lookups {
    resolver: Resolver,
    free: Arc<Semaphore>,
}

impl Lookups {
    pub(super) fn new(resolver: Resolver) -> Self {
        Self { resolver, free: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }

    /// All addresses of a host, which may be an address itself, in brackets or not.
    pub(super) async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        match &self.resolver {
            Resolver::System => self.ask_the_system(host.to_owned(), port).await,
            #[cfg(test)]
            Resolver::Fake(answers) => answers.next(host, port),
        }
    }

    async fn ask_the_system(&self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        let turn = Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)?;
        let lookup = tokio::task::spawn_blocking(move || {
            let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            drop(turn);
            addresses
        });
        lookup.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{HashMap, VecDeque};
    use std::sync::Mutex;

    use super::*;

    /// What each name resolves to, in turn; the last answer is not given twice.
    #[derive(Debug, Default)]
    pub(in crate::outbound) struct Answers(Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>);

    impl Answers {
        pub(in crate::outbound) fn of(host: &str, answers: &[&[&str]]) -> Resolver {
            let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
            let answers = answers.iter().map(parse).collect();
            Resolver::Fake(Arc::new(Self(Mutex::new([(host.to_owned(), answers)].into()))))
        }

        pub(super) fn next(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            let answer = self.0.lock().unwrap().get_mut(host).and_then(VecDeque::pop_front);
            let addresses = answer.ok_or_else(|| io::Error::other("no such host"))?;
            Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
        }
    }

    #[tokio::test]
    async fn addresses_are_not_looked_up() {
        let lookups = Lookups::new(Answers::of("unused", &[]));
        assert_eq!(lookups.lookup("10.0.0.1", 80).await.unwrap(), ["10.0.0.1:80".parse().unwrap()]);
        assert_eq!(lookups.lookup("[::1]", 80).await.unwrap(), ["[::1]:80".parse().unwrap()]);
        assert!(lookups.lookup("elsewhere", 80).await.is_err());
    }

    #[tokio::test]
    async fn the_system_is_asked_for_names_and_odd_spellings() {
        let lookups = Lookups::new(Resolver::System);
        // Not an address to Rust, but one to the system: it is judged after this, not before.
        for spelling in ["localhost", "127.1", "2130706433", "0x7f.1"] {
            let addresses = lookups.lookup(spelling, 80).await.unwrap();
            assert!(!addresses.is_empty() && addresses.iter().all(|at| at.ip().is_loopback()), "{spelling}");
        }
        assert!(lookups.lookup("no-such-host.invalid", 80).await.is_err());
    }
}
