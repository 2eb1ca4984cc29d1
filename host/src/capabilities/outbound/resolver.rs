//! Resolves names to addresses.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::engine::meter::Meter;

/// Lookups of one client that may wait at a time. Each occupies a thread of the process, even after its event
/// is over, and a guest may use hosts whose name servers never answer.
pub(super) const MAX_LOOKUPS: usize = 8;
/// Lookups of all clients together. The runtime has about 500 threads for blocking work.
const MAX_LOOKUPS_IN_ALL: usize = 256;
/// The number of addresses of one name that are used. The owner of a name may return thousands.
const MAX_ANSWERS: usize = 64;

/// Resolves names.
#[derive(Debug, Clone)]
pub(super) enum Resolver {
    /// As the operating system does.
    System,
    /// As a test defines.
    #[cfg(test)]
    Fake(Arc<tests::Answers>),
}

/// The number of lookups of all clients that may wait.
#[derive(Debug)]
pub(super) struct Threads(Arc<Semaphore>);

impl Default for Threads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_LOOKUPS_IN_ALL)))
    }
}

/// The lookups of one client.
#[derive(Debug)]
pub(super) struct Lookups {
    resolver: Resolver,
    free: Arc<Semaphore>,
    threads: Arc<Threads>,
}

impl Lookups {
    pub(super) fn new(resolver: Resolver, threads: Arc<Threads>) -> Self {
        Self { resolver, free: Arc::new(Semaphore::new(MAX_LOOKUPS)), threads }
    }

    /// Whether none of them waits.
    pub(super) fn are_done(&self) -> bool {
        self.free.available_permits() == MAX_LOOKUPS
    }

    /// The addresses of a host, which may be an address itself, with or without brackets. The work is
    /// charged.
    pub(super) async fn lookup(&self, host: &str, port: u16, meter: &Meter) -> io::Result<Vec<SocketAddr>> {
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        match &self.resolver {
            Resolver::System => self.ask_the_system(host.to_owned(), port, meter.clone()).await,
            #[cfg(test)]
            Resolver::Fake(answers) => answers.next(host, port),
        }
    }

    async fn ask_the_system(&self, host: String, port: u16, meter: Meter) -> io::Result<Vec<SocketAddr>> {
        let turn = Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)?;
        let thread = Arc::clone(&self.threads.0).acquire_owned().await.map_err(io::Error::other)?;
        let lookup = tokio::task::spawn_blocking(move || {
            let ask = || (host.as_str(), port).to_socket_addrs();
            let addresses = meter.charge(ask).0.map(|all| all.take(MAX_ANSWERS).collect());
            drop((turn, thread));
            addresses
        });
        lookup.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{HashMap, VecDeque};
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    fn lookups(resolver: Resolver) -> Lookups {
        Lookups::new(resolver, Arc::default())
    }

    /// The results for each name, in turn; the last one is used only once.
    #[derive(Debug, Default)]
    pub(in crate::capabilities::outbound) struct Answers(Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>);

    impl Answers {
        pub(in crate::capabilities::outbound) fn of(host: &str, answers: &[&[&str]]) -> Resolver {
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
        let (lookups, meter) = (lookups(Answers::of("unused", &[])), Meter::new(Duration::MAX));
        assert_eq!(lookups.lookup("10.0.0.1", 80, &meter).await.unwrap(), ["10.0.0.1:80".parse().unwrap()]);
        assert_eq!(lookups.lookup("[::1]", 80, &meter).await.unwrap(), ["[::1]:80".parse().unwrap()]);
        assert!(lookups.lookup("elsewhere", 80, &meter).await.is_err());
        assert_eq!(meter.spent(), Duration::ZERO);
    }

    #[tokio::test]
    async fn the_system_is_asked_for_names_and_odd_spellings() {
        let (lookups, meter) = (lookups(Resolver::System), Meter::new(Duration::MAX));
        // Rust does not parse this as an address, but the operating system does: the result is checked
        // afterwards.
        for spelling in ["localhost", "127.1", "2130706433", "0x7f.1"] {
            let addresses = lookups.lookup(spelling, 80, &meter).await.unwrap();
            assert!(!addresses.is_empty() && addresses.iter().all(|at| at.ip().is_loopback()), "{spelling}");
        }
        assert!(lookups.lookup("no-such-host.invalid", 80, &meter).await.is_err());
        assert!(meter.spent() > Duration::ZERO && lookups.are_done());
    }

    #[tokio::test]
    async fn lookups_wait_for_each_other_where_there_are_too_many() {
        let threads = Arc::new(Threads::default());
        let taken = Arc::clone(&threads.0).acquire_many_owned(256).await.unwrap();
        let lookups = Arc::new(Lookups::new(Resolver::System, Arc::clone(&threads)));
        let waiting = Arc::clone(&lookups);
        let lookup =
            tokio::spawn(async move { waiting.lookup("localhost", 80, &Meter::new(Duration::MAX)).await });
        while lookups.are_done() {
            tokio::task::yield_now().await;
        }
        assert!(!lookup.is_finished());
        drop(taken);
        assert!(!lookup.await.unwrap().unwrap().is_empty());
    }
}
