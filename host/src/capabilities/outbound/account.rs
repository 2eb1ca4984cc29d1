//! The account of one event: the bytes that it has sent and received, the processor time for them, and the
//! log records about them.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::OutboundUsage;
use super::address::Refusal;
use super::clock::Clock;
use super::credential_use::CredentialUse;
use super::target::Target;
use super::wire;
use crate::engine::meter::{Meter, end_turn};
use crate::log::{Level, Log, Scope};
use crate::policy::{Limit, Owner, Policy};

/// The event that requests are sent for.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The event in log records.
    pub scope: Scope,
    /// The owner of the limits that it shares.
    pub owner: Owner,
    /// The meter that is charged for work on its connections.
    pub meter: Meter,
}

/// The account of one event, shared by all of its requests and their bodies.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) policy: Arc<Policy>,
    pub(super) sender: Sender,
    log: Arc<Log>,
    requests: AtomicU32,
    bytes_out: AtomicU64,
    bytes_in: AtomicU64,
    clock: Clock,
    pub(super) credentials: CredentialUse,
    hit: OnceLock<Limit>,
    is_closed: AtomicBool,
    closing: Notify,
}

/// A request in flight, as long as this lives.
#[derive(Debug)]
pub(super) struct Underway(Arc<Account>);

impl Underway {
    pub(super) fn begin(account: &Arc<Account>) -> Self {
        account.clock.begin(Instant::now());
        Self(Arc::clone(account))
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.clock.end(Instant::now());
    }
}

/// The limit was reached before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted;

/// The event, or its processor time, is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over;

impl Account {
    pub(super) fn new(policy: Arc<Policy>, sender: Sender, log: Arc<Log>) -> Self {
        Self {
            policy,
            sender,
            log,
            requests: AtomicU32::new(0),
            bytes_out: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            clock: Clock::default(),
            credentials: CredentialUse::default(),
            hit: OnceLock::new(),
            is_closed: AtomicBool::new(false),
            closing: Notify::new(),
        }
    }

    /// Runs work on the event's connections, in turns that are charged to the event, until the event is over.
    pub(super) async fn charged<T>(&self, work: impl Future<Output = T>) -> Result<T, Over> {
        let mut work = pin!(work);
        let mut closed = pin!(self.closed());
        poll_fn(|context| {
            if closed.as_mut().poll(context).is_ready() {
                // The end of its connections is not charged to another event on this thread.
                end_turn();
                return Poll::Ready(Err(Over));
            }
            wire::begin_turn();
            let (poll, is_time_left) = self.sender.meter.charge(|| work.as_mut().poll(context));
            match poll {
                Poll::Ready(done) => Poll::Ready(Ok(done)),
                Poll::Pending if is_time_left => Poll::Pending,
                Poll::Pending => Poll::Ready(Err(Over)),
            }
        })
        .await
    }

    /// Charges the event for work that its meter does not see.
    pub(super) fn charge(&self, time: Duration) {
        self.sender.meter.add(time);
    }

    /// Counts a request, whatever its result.
    pub(super) fn count_request(&self) -> Result<(), Exhausted> {
        let limit = u64::from(self.policy.limits.outbound_requests);
        if self.count_another() { Ok(()) } else { Err(self.exhausted(Limit::OutboundRequests, limit)) }
    }

    /// Counts a request that the host sends once more, if one is left. If none is, that is not the guest's doing, and not
    /// reported.
    pub(super) fn count_another(&self) -> bool {
        let limit = self.policy.limits.outbound_requests;
        self.requests.try_update(Relaxed, Relaxed, |count| (count < limit).then(|| count + 1)).is_ok()
    }

    /// Counts sent bytes.
    pub(super) fn count_sent(&self, bytes: usize) {
        self.bytes_out.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
    }

    /// Counts received bytes.
    pub(super) fn count_received(&self, bytes: usize) -> Result<(), Exhausted> {
        self.bytes_in.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
        if self.bytes() > self.policy.limits.outbound_bytes { Err(self.refuse_bytes()) } else { Ok(()) }
    }

    /// Records that the limit of bytes was exceeded.
    pub(super) fn refuse_bytes(&self) -> Exhausted {
        self.exhausted(Limit::OutboundBytes, self.policy.limits.outbound_bytes)
    }

    /// The number of bytes that may still go over its connections, in either direction.
    pub(super) fn bytes_left(&self) -> u64 {
        self.policy.limits.outbound_bytes.saturating_sub(self.bytes())
    }

    /// The remaining number of bytes, as guests see it.
    pub(super) fn byte_limit(&self) -> Option<u64> {
        Some(self.policy.limits.outbound_bytes)
    }

    fn bytes(&self) -> u64 {
        self.bytes_out.load(Relaxed).saturating_add(self.bytes_in.load(Relaxed))
    }

    /// Only the first time is logged; a guest that keeps trying must not fill the log.
    fn exhausted(&self, limit: Limit, allowed: u64) -> Exhausted {
        if self.hit.set(limit).is_ok() {
            let key = limit.key();
            self.warn(&format!(
                "the event's outbound requests used up its {key} = {allowed}; to allow more, raise {key} in [{}] \
                 of bulkhead.toml",
                self.limits_table(),
            ));
        }
        Exhausted
    }

    /// Logs that a request was denied, and how to allow it.
    pub(super) fn log_denied(&self, target: &Target) {
        self.warn(&format!(
            "outbound request to {target} was denied; to allow it, add \"{}\" to allowed_outbound_hosts in [{}] \
             of bulkhead.toml",
            target.entry(),
            self.policy.table,
        ));
    }

    /// Logs that an address was denied, and how to allow it if that is possible.
    pub(super) fn log_refused(&self, target: &Target, refusal: Refusal) {
        let how = match refusal {
            Refusal::NotGranted { network, .. } => format!(
                "to allow it, add \"{network}\" or a part of it to allowed_private_networks in [{}] of \
                 bulkhead.toml",
                self.policy.table,
            ),
            Refusal::Never { .. } | Refusal::RuntimeApi(_) => "no grant allows it".to_owned(),
        };
        self.warn(&format!("outbound request to {target} was denied because {refusal}; {how}"));
    }

    /// The event is over: nothing is sent or received from now on.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Release);
        self.closing.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Acquire)
    }

    /// Resolves when the event is over.
    async fn closed(&self) {
        let told = self.closing.notified();
        if !self.is_closed() {
            told.await;
        }
    }

    pub(super) fn usage(&self) -> OutboundUsage {
        OutboundUsage {
            requests: self.requests.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            time: self.clock.total(Instant::now()),
            credentials: self.credentials.counts(),
            limit: self.hit.get().copied(),
        }
    }

    fn limits_table(&self) -> String {
        let owner = self.policy.owner();
        format!("{owner}.limits")
    }

    pub(super) fn warn(&self, text: &str) {
        self.log.record(Level::Warn, &self.sender.scope, text);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    use super::*;
    use crate::log::{Format, LogSettings};

    /// A log, and the file that it writes to.
    pub(in crate::capabilities::outbound) fn log() -> (Arc<Log>, std::fs::File) {
        let file = tempfile::tempfile().unwrap();
        let telemetry_fd = u32::try_from(file.as_raw_fd()).ok();
        let settings =
            LogSettings { format: Format::Text, level: Level::Trace, telemetry_fd, batches: false };
        (Arc::new(Log::new(&settings)), file)
    }

    pub(in crate::capabilities::outbound) fn read(mut file: std::fs::File) -> String {
        use std::io::Seek;
        let mut written = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut written).unwrap();
        String::from_utf8_lossy(&written).into_owned()
    }

    /// An event with this much processor time for its connections.
    pub(in crate::capabilities::outbound) fn sender(cpu_time: Duration) -> Sender {
        let meter = Meter::new(cpu_time);
        Sender { scope: Scope::default(), owner: Owner::Handler(0), meter }
    }

    pub(in crate::capabilities::outbound) fn account(
        change: impl FnOnce(&mut Policy),
    ) -> (Account, std::fs::File) {
        let (log, file) = log();
        let mut policy = Policy::default_for("hello");
        change(&mut policy);
        (Account::new(Arc::new(policy), sender(Duration::from_secs(60)), log), file)
    }

    #[test]
    fn requests_over_the_limit_are_refused_and_logged_once() {
        let (account, file) = account(|policy| policy.limits.outbound_requests = 2);
        assert_eq!([(); 2].map(|()| account.count_request()), [Ok(()); 2]);
        assert_eq!(account.usage().limit, None);
        assert_eq!([(); 3].map(|()| account.count_request()), [Err(Exhausted); 3]);
        assert_eq!(account.usage().requests, 2);
        assert_eq!(account.usage().limit, Some(Limit::OutboundRequests));
        let text = read(file);
        assert_eq!(text.matches("outbound_requests = 2; to allow more, raise").count(), 1, "{text}");
        assert!(text.contains("raise outbound_requests in [handlers.hello.limits]"), "{text}");
    }

    #[test]
    fn both_directions_share_one_budget() {
        let (account, _file) = account(|policy| policy.limits.outbound_bytes = 10);
        account.count_sent(4);
        assert_eq!(account.count_received(6), Ok(()));
        assert_eq!((account.bytes_left(), account.usage().limit), (0, None));
        assert_eq!(account.count_received(1), Err(Exhausted));
        let usage = account.usage();
        assert_eq!((usage.bytes_out, usage.bytes_in, usage.limit), (4, 7, Some(Limit::OutboundBytes)));
    }

    fn burn(time: Duration) {
        let clock = Meter::new(Duration::MAX);
        let mut spent = Duration::ZERO;
        while spent < time {
            clock.charge(|| std::hint::black_box(()));
            spent = clock.spent();
        }
    }

    #[tokio::test]
    async fn work_on_connections_is_the_event_s_and_ends_with_its_time() {
        let policy = Arc::new(Policy::default_for("hello"));
        let account = Account::new(policy, sender(Duration::from_millis(50)), log().0);
        let turns = Relaxed;
        let taken = AtomicU32::new(0);
        let endless = poll_fn(|context| {
            taken.fetch_add(1, turns);
            burn(Duration::from_millis(5));
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert_eq!(account.charged(endless).await, Err(Over));
        assert!(taken.load(turns) <= 10, "{taken:?} turns");
        assert!(account.sender.meter.left().is_none());
        account.sender.meter.exhausted().await;
    }

    #[tokio::test]
    async fn work_on_connections_ends_with_the_event() {
        let (account, _file) = account(|_| {});
        let account = Arc::new(account);
        assert_eq!(account.charged(async { 1 }).await, Ok(1));
        let waiting = Arc::clone(&account);
        let waiting = tokio::spawn(async move { waiting.charged(std::future::pending::<()>()).await });
        tokio::task::yield_now().await;
        account.close();
        assert_eq!(waiting.await.unwrap(), Err(Over));
        assert_eq!(account.charged(async { 1 }).await, Err(Over), "nothing begins after it");
    }

    #[test]
    fn the_log_names_the_line_that_would_allow_it() {
        let (account, file) = account(|_| {});
        let target = Target::of(&"https://api.example.com/x".parse().unwrap()).unwrap();
        account.log_denied(&target);
        account.log_refused(
            &target,
            super::super::address::check("10.0.0.1".parse().unwrap(), &[]).unwrap_err(),
        );
        account.log_refused(&target, super::super::address::check("::".parse().unwrap(), &[]).unwrap_err());
        let text = read(file);
        for line in [
            "outbound request to https://api.example.com:443 was denied; to allow it, add \
             \"https://api.example.com\" to allowed_outbound_hosts in [handlers.hello.grants] of bulkhead.toml",
            "was denied because 10.0.0.1 is in a private network; to allow it, add \"10.0.0.0/8\" or a part of it to \
             allowed_private_networks in [handlers.hello.grants] of bulkhead.toml",
            "was denied because :: is this host itself; no grant allows it",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
