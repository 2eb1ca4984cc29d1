//! What one event has sent and received, and what the log says about it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::OutboundUsage;
use super::address::Refusal;
use super::clock::Clock;
use super::target::Target;
use crate::log::{Level, Log, Scope};
use crate::policy::{Limit, Policy};

/// The account of one event, shared by all of its requests and their bodies.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) policy: Arc<Policy>,
    pub(super) scope: Scope,
    log: Arc<Log>,
    requests: AtomicU32,
    bytes_out: AtomicU64,
    bytes_in: AtomicU64,
    clock: Clock,
    hit: OnceLock<Limit>,
    is_closed: AtomicBool,
}

/// A request that is under way, as long as this is held.
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

impl Account {
    pub(super) fn new(policy: Arc<Policy>, scope: Scope, log: Arc<Log>) -> Self {
        Self {
            policy,
            scope,
            log,
            requests: AtomicU32::new(0),
            bytes_out: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            clock: Clock::default(),
            hit: OnceLock::new(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Counts a request, whatever becomes of it.
    pub(super) fn count_request(&self) -> Result<(), Exhausted> {
        let limit = self.policy.limits.outbound_requests;
        let counted = self.requests.try_update(Relaxed, Relaxed, |count| (count < limit).then(|| count + 1));
        counted.map(drop).map_err(|_| self.exhausted(Limit::OutboundRequests, u64::from(limit)))
    }

    /// Counts bytes that are about to be sent.
    pub(super) fn count_sent(&self, bytes: usize) -> Result<(), Exhausted> {
        self.count_bytes(&self.bytes_out, bytes)
    }

    /// Counts bytes that were received.
    pub(super) fn count_received(&self, bytes: usize) -> Result<(), Exhausted> {
        self.count_bytes(&self.bytes_in, bytes)
    }

    fn count_bytes(&self, direction: &AtomicU64, bytes: usize) -> Result<(), Exhausted> {
        let limit = self.policy.limits.outbound_bytes;
        direction.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
        let total = self.bytes_out.load(Relaxed).saturating_add(self.bytes_in.load(Relaxed));
        if total > limit { Err(self.exhausted(Limit::OutboundBytes, limit)) } else { Ok(()) }
    }

    /// The first time is logged; a guest that goes on asking must not fill the log.
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

    /// Logs that an address was refused, and how to allow it if that can be.
    pub(super) fn log_refused(&self, target: &Target, refusal: Refusal) {
        let how = match refusal {
            Refusal::NotGranted { network, .. } => format!(
                "to allow it, add \"{network}\" or a part of it to allowed_private_networks in [{}] of \
                 bulkhead.toml",
                self.policy.table,
            ),
            Refusal::Never { .. } | Refusal::RuntimeApi(_) => "no grant allows it".to_owned(),
        };
        self.warn(&format!("outbound request to {target} was refused, since {refusal}; {how}"));
    }

    /// From now on nothing is sent any more: the sandbox is gone.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Relaxed)
    }

    pub(super) fn usage(&self) -> OutboundUsage {
        OutboundUsage {
            requests: self.requests.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            time: self.clock.total(Instant::now()),
            limit: self.hit.get().copied(),
        }
    }

    fn limits_table(&self) -> String {
        let owner = self.policy.table.strip_suffix(".grants").unwrap_or(&self.policy.table);
        format!("{owner}.limits")
    }

    fn warn(&self, text: &str) {
        self.log.record(Level::Warn, &self.scope, text);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read;
    use std::os::fd::AsRawFd;

    use super::*;
    use crate::config::LogSettings;
    use crate::log::Format;

    /// A log and the file that it goes to.
    pub(in crate::outbound) fn log() -> (Arc<Log>, std::fs::File) {
        let file = tempfile::tempfile().unwrap();
        let telemetry_fd = u32::try_from(file.as_raw_fd()).ok();
        let settings = LogSettings { format: Format::Text, level: Level::Trace, telemetry_fd };
        (Arc::new(Log::new(&settings)), file)
    }

    pub(in crate::outbound) fn read(mut file: std::fs::File) -> String {
        use std::io::Seek;
        let mut written = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut written).unwrap();
        String::from_utf8_lossy(&written).into_owned()
    }

    fn account(change: impl FnOnce(&mut Policy)) -> (Account, std::fs::File) {
        let (log, file) = log();
        let mut policy = Policy::default_for("hello");
        change(&mut policy);
        (Account::new(Arc::new(policy), Scope::default(), log), file)
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
        assert_eq!(account.count_sent(4), Ok(()));
        assert_eq!(account.count_received(6), Ok(()));
        assert_eq!(account.count_sent(1), Err(Exhausted));
        let usage = account.usage();
        assert_eq!((usage.bytes_out, usage.bytes_in, usage.limit), (5, 6, Some(Limit::OutboundBytes)));
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
            "was refused, since 10.0.0.1 is in a private network; to allow it, add \"10.0.0.0/8\" or a part of it to \
             allowed_private_networks in [handlers.hello.grants] of bulkhead.toml",
            "was refused, since :: is unspecified; no grant allows it",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
