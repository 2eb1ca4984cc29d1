//! Accounting: the receipts of a process's events add up to what it spends, and what an event took is given back when it is
//! over. [`Attack::run`] measures both for every hostile guest, with one event and with eight at a time, and so for every guest
//! that is added later.
//!
//! [`Attack::run`]: crate::hostile::Attack::run

use std::fs;
use std::time::Duration;

use bulkhead_tests::{Answer, Event, Kind, QueuedEvent};

use crate::hostile::{ALICE, Attack, with_port};
use crate::stage::Stage;

/// What the process may take in processor time that is on no receipt: reading an event and posting its answer, here with a
/// host that is compiled quickly. It is `FIXED`, and a share of what the receipts say.
const FIXED: Duration = Duration::from_millis(50);
const SHARE: f64 = 0.2;

/// What memory may grow by while the same events come again.
const GROWTH: u64 = 2 * 1024 * 1024;
/// What the pool keeps of each place in it is kept once each place has been used. So memory is compared over this many rounds,
/// once it has come to rest, which it must within so many; and so are descriptors and threads, since those that look names up
/// stay for a while.
const AT_REST: usize = 3;
const MOST_ROUNDS: usize = 15;

/// How many events are handled at a time, and how many of them are the neighbour's.
const AT_ONCE: usize = 8;

/// The neighbour's slowest event may have waited for eight turns of every other event's whole time, on a busy machine.
const SLOWEST: Duration = Duration::from_secs(10);

/// What a process has spent so far, and what it holds while nothing is under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    processor: Duration,
    receipts: usize,
    resident: u64,
    descriptors: usize,
    threads: usize,
}

impl Usage {
    /// As they are now, when no event is under way.
    pub(crate) fn of(stage: &Stage) -> Self {
        stage.api.wait_idle();
        stage.running.wait_receipts(stage.api.posts().len());
        Self {
            processor: stage.running.processor_time(),
            receipts: stage.running.receipts().len(),
            resident: stage.running.rss(),
            descriptors: entries(stage, "fd"),
            threads: entries(stage, "task"),
        }
    }

    /// The processor time since then is on receipts.
    pub(crate) fn assert_charged(&self, stage: &Stage) {
        let now = Self::of(stage);
        let spent = now.processor - self.processor;
        let receipts = stage.running.receipts();
        let charged: f64 =
            receipts.iter().skip(self.receipts).filter_map(|receipt| receipt["cpuMs"].as_f64()).sum();
        let charged = Duration::from_secs_f64(charged / 1e3);
        let most = charged.mul_f64(1.0 + SHARE) + FIXED;
        assert!(spent <= most, "the process took {spent:?}, and receipts say {charged:?}: {receipts:#?}");
    }

    /// Nothing of what came since then is held.
    fn is_given_back(&self, stage: &Stage) -> bool {
        let now = Self::of(stage);
        now.descriptors <= self.descriptors
            && now.threads <= self.threads
            && now.resident <= self.resident + GROWTH
    }
}

fn entries(stage: &Stage, kind: &str) -> usize {
    let listed = fs::read_dir(format!("/proc/{}/{kind}", stage.running.pid())).expect("list /proc");
    listed.count()
}

/// Half of the events at once are mallory's, the others alice's: hers are answered in time, and the accounts are right.
pub(crate) fn at_once(attack: &Attack) {
    let stage = attack.stage_of(AT_ONCE);
    // What is loaded once is loaded; what the neighbour's requests leave behind is there.
    round(&stage, attack);
    let usage = Usage::of(&stage);
    round(&stage, attack);
    usage.assert_charged(&stage);
    let mut rounds = 0..MOST_ROUNDS / AT_REST;
    let comes_to_rest = rounds.any(|_| {
        let usage = Usage::of(&stage);
        (0..AT_REST).for_each(|_| round(&stage, attack));
        usage.is_given_back(&stage)
    });
    assert!(comes_to_rest, "something grows with each round: {:?} after {usage:?}", Usage::of(&stage));
}

fn round(stage: &Stage, attack: &Attack) {
    let mallorys = attack.sent().iter().cycle().take(AT_ONCE / 2);
    let pairs: Vec<(QueuedEvent, QueuedEvent)> = mallorys
        .map(|event| {
            let hostile = Event::bytes(with_port(event, &stage.api)).tenant("mallory");
            (stage.api.queue(hostile), stage.api.queue(Event::json("null").tenant("alice")))
        })
        .collect();
    for (hostile, neighbour) in pairs {
        assert_alices(&stage.api.answer(neighbour));
        stage.api.answer(hostile);
    }
    stage.api.wait_idle();
}

fn assert_alices(answer: &Answer) {
    assert_eq!((answer.kind, answer.text()), (Kind::Response, ALICE));
    let took = answer.answered - answer.delivered;
    assert!(took <= SLOWEST, "the neighbour waited for {took:?}");
}
