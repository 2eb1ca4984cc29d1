//! Looks up the addresses of servers, within a time.
//!
//! The operating system has limits of its own for this, and with a name server that does not answer it takes half a minute
//! or more. So each look-up has a thread, which may go on after the request has given up. There are only so many of them.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

use crate::http1::Server;

/// The look-ups of the process at a time: one for each thread that waits for a store.
const MAX_LOOKUPS: usize = 16;
/// The addresses of a server that are tried.
const MAX_ADDRESSES: usize = 4;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// The addresses of a server.
pub(super) fn addresses(server: &Server, until: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = server.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, server.port)]);
    }
    let name = (server.host.clone(), server.port);
    within(until, &RUNNING, move || {
        let found = (name.0.as_str(), name.1).to_socket_addrs()?;
        Ok(found.take(MAX_ADDRESSES).collect())
    })
}

/// A place among the look-ups that are running.
struct Place(&'static AtomicUsize);

impl Place {
    fn take(running: &'static AtomicUsize) -> Option<Self> {
        let more = |running: usize| (running < MAX_LOOKUPS).then_some(running + 1);
        let taken = running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| Self(running))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn within(
    until: Instant,
    running: &'static AtomicUsize,
    look_up: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> io::Result<Vec<SocketAddr>> {
    let Some(place) = Place::take(running) else {
        return Err(io::Error::other("too many names are being looked up; does the name server answer?"));
    };
    let (sender, receiver) = sync_channel(1);
    let work = move || {
        let found = look_up();
        drop(place);
        // The request may have given up.
        let _ = sender.send(found);
    };
    thread::Builder::new().name("name".to_owned()).spawn(work)?;
    let left = until.saturating_duration_since(Instant::now());
    let late = |_| io::Error::new(ErrorKind::TimedOut, "its name was not looked up in time");
    receiver.recv_timeout(left).map_err(late)?
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn an_address_is_not_looked_up_and_a_name_is() {
        let server = |host: &str| Server { is_tls: false, host: host.to_owned(), port: 80 };
        let long_ago = Instant::now();
        assert_eq!(addresses(&server("10.0.0.1"), long_ago).unwrap(), ["10.0.0.1:80".parse().unwrap()]);
        assert_eq!(addresses(&server("::1"), long_ago).unwrap(), ["[::1]:80".parse().unwrap()]);
        let found = addresses(&server("localhost"), Instant::now() + LONG).unwrap();
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
        assert!(addresses(&server("no-such-host.invalid"), Instant::now() + LONG).is_err());
    }

    #[test]
    fn a_name_server_that_does_not_answer_is_not_waited_for_and_takes_so_many_threads() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let ask = |time: Duration| {
            let (answer, waits) = mpsc::channel::<()>();
            let look_up = move || {
                // Until the test is over.
                let _ = waits.recv();
                Ok(Vec::new())
            };
            (answer, within(Instant::now() + time, &RUNNING, look_up).unwrap_err())
        };
        let mut answers = Vec::new();
        for _ in 0..MAX_LOOKUPS {
            let (answer, error) = ask(Duration::from_millis(1));
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            answers.push(answer);
        }
        let (_answer, error) = ask(LONG);
        assert!(error.to_string().starts_with("too many names are being looked up"), "{error}");
        drop(answers);
        while RUNNING.load(Ordering::Relaxed) > 0 {
            thread::yield_now();
        }
        assert_eq!(within(Instant::now() + LONG, &RUNNING, || Ok(Vec::new())).unwrap(), []);
    }

    #[test]
    fn a_panic_while_a_name_is_looked_up_is_an_error_and_leaves_nothing() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let look_up = || panic!("in a look-up");
        assert!(within(Instant::now() + LONG, &RUNNING, look_up).is_err());
        while RUNNING.load(Ordering::Relaxed) > 0 {
            thread::yield_now();
        }
    }
}
