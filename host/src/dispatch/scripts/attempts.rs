//! Which scripts are still to be compiled, and by which event.
//!
//! An attempt that ends at a limit of its event says nothing of the script, which tenants with higher limits may have, too. So the next
//! attempt is made by an event that has twice as much of what was not enough, and there are few in all. Whatever is the script's own
//! is final.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::policy::{Limit, Limits};
use crate::sandbox::script_compiler::NotCompiled;
use crate::script::MOST_BYTECODE;

/// The most processor time for one script. As many bytes as are compiled take a tenth of it.
pub(super) const MOST_TIME: Duration = Duration::from_millis(400);

/// The part of the time that an event has left, and of its processor time.
const PART_OF_EVENT: u32 = 4;

/// The most attempts to compile one script.
const MOST_ATTEMPTS: u32 = 8;

/// The most scripts that are remembered, the last ones. Those that are compiled need not be.
const MOST_REMEMBERED: usize = 64;

/// The most that an event lets the compilation of its script take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) cpu_time: Duration,
    pub(super) wall_time: Duration,
    pub(super) memory: usize,
    pub(super) hostcall: usize,
}

impl Offer {
    /// That of an event with these limits, which ends at this time.
    pub(super) fn of(limits: &Limits, ends: Instant) -> Self {
        Self {
            cpu_time: (limits.cpu_time / PART_OF_EVENT).min(MOST_TIME),
            wall_time: ends.saturating_duration_since(Instant::now()) / PART_OF_EVENT,
            memory: limits.memory,
            hostcall: limits.hostcall.min(MOST_BYTECODE),
        }
    }

    fn covers(&self, least: &Self) -> bool {
        self.cpu_time >= least.cpu_time
            && self.wall_time >= least.wall_time
            && self.memory >= least.memory
            && self.hostcall >= least.hostcall
    }
}

/// A script that is not compiled, or could not be.
#[derive(Debug)]
struct Open {
    /// Its digest.
    script: Arc<str>,
    left: u32,
    /// What an event has to offer.
    least: Offer,
    is_running: bool,
    is_told: bool,
}

impl Open {
    /// After an attempt with this offer has ended so.
    fn raise(&mut self, offer: &Offer, why: &NotCompiled) {
        let least = &mut self.least;
        match why {
            NotCompiled::Limit(Limit::CpuTime) if offer.cpu_time < MOST_TIME => {
                least.cpu_time = (offer.cpu_time * 2).min(MOST_TIME);
            }
            NotCompiled::Limit(Limit::WallTime) => least.wall_time = offer.wall_time * 2,
            NotCompiled::Limit(Limit::Memory) => least.memory = offer.memory.saturating_mul(2),
            NotCompiled::Limit(Limit::Hostcall) if offer.hostcall < MOST_BYTECODE => {
                least.hostcall = (offer.hostcall * 2).min(MOST_BYTECODE);
            }
            NotCompiled::Limit(Limit::CpuTime | Limit::Hostcall) | NotCompiled::Ended(_) => self.left = 0,
            // Other limits are those of every sandbox of the event, too.
            NotCompiled::Limit(_) | NotCompiled::NoRoom(_) => {}
        }
    }
}

/// The scripts that are not compiled, in the order in which they were read.
#[derive(Debug, Default)]
pub(super) struct Attempts(Vec<Open>);

impl Attempts {
    /// Remembers a script that was read and has files to compile.
    pub(super) fn add(&mut self, script: &Arc<str>) {
        if self.open(script).is_some() {
            return;
        }
        if self.0.len() >= MOST_REMEMBERED {
            self.0.remove(0);
        }
        let (script, least) = (Arc::clone(script), Offer::default());
        self.0.push(Open { script, left: MOST_ATTEMPTS, least, is_running: false, is_told: false });
    }

    /// What an event offers, if it is to compile this script. No other event does so before the [end](Self::end).
    pub(super) fn begin(&mut self, script: &str, offer: impl FnOnce() -> Offer) -> Option<Offer> {
        let open = self.open(script).filter(|open| open.left > 0 && !open.is_running)?;
        let offer = Some(offer()).filter(|offer| offer.covers(&open.least))?;
        open.left -= 1;
        open.is_running = true;
        Some(offer)
    }

    /// Ends an attempt. Without a result, it was given up.
    pub(super) fn end(&mut self, script: &str, offer: &Offer, result: Option<Result<(), &NotCompiled>>) {
        let Some(open) = self.open(script) else { return };
        open.is_running = false;
        match result {
            Some(Ok(())) => self.0.retain(|open| *open.script != *script),
            Some(Err(why)) => open.raise(offer, why),
            None => {}
        }
    }

    /// Whether nobody was told of this script yet, and whether it is tried again.
    pub(super) fn tell(&mut self, script: &str) -> Option<bool> {
        let open = self.open(script)?;
        (!std::mem::replace(&mut open.is_told, true)).then_some(open.left > 0)
    }

    fn open(&mut self, script: &str) -> Option<&mut Open> {
        self.0.iter_mut().find(|open| *open.script == *script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: Offer = Offer {
        cpu_time: Duration::from_millis(100),
        wall_time: Duration::from_secs(1),
        memory: 1 << 20,
        hostcall: 1 << 20,
    };

    fn attempts() -> Attempts {
        let mut attempts = Attempts::default();
        attempts.add(&"a".into());
        attempts
    }

    /// Whether an event with this offer has compiled the script, and ended so.
    fn tries(attempts: &mut Attempts, offer: Offer, why: &NotCompiled) -> bool {
        let begun = attempts.begin("a", || offer);
        begun.inspect(|offer| attempts.end("a", offer, Some(Err(why)))).is_some()
    }

    #[test]
    fn an_event_offers_a_quarter_of_what_it_has_up_to_a_bound() {
        let ends = Instant::now() + Duration::from_secs(8);
        let offer = Offer::of(&Limits::default(), ends);
        assert_eq!(offer.cpu_time, Duration::from_millis(250));
        assert!(offer.wall_time > Duration::from_secs(1) && offer.wall_time <= Duration::from_secs(2));
        let long = Limits { cpu_time: Duration::from_secs(60), hostcall: usize::MAX, ..Limits::default() };
        let offer = Offer::of(&long, Instant::now());
        assert_eq!((offer.cpu_time, offer.hostcall), (MOST_TIME, MOST_BYTECODE));
        assert_eq!(offer.wall_time, Duration::ZERO);
    }

    #[test]
    fn what_ended_at_a_limit_is_tried_by_an_event_with_twice_as_much_of_it() {
        let twice = |change: fn(&mut Offer)| {
            let mut offer = OFFER;
            change(&mut offer);
            offer
        };
        for (limit, more) in [
            (Limit::CpuTime, twice(|offer| offer.cpu_time *= 2)),
            (Limit::WallTime, twice(|offer| offer.wall_time *= 2)),
            (Limit::Memory, twice(|offer| offer.memory *= 2)),
            (Limit::Hostcall, twice(|offer| offer.hostcall *= 2)),
        ] {
            let (mut attempts, why) = (attempts(), NotCompiled::Limit(limit));
            assert!(tries(&mut attempts, OFFER, &why));
            assert!(!tries(&mut attempts, OFFER, &why), "{limit:?}: with the same, it is in vain");
            assert!(tries(&mut attempts, more, &why) && !tries(&mut attempts, more, &why), "{limit:?}");
        }
    }

    #[test]
    fn what_is_the_script_s_own_and_what_nobody_can_offer_is_final() {
        let most = Offer { cpu_time: MOST_TIME, hostcall: MOST_BYTECODE, ..OFFER };
        let large = Offer { wall_time: Duration::MAX, memory: usize::MAX, ..most };
        for why in [
            NotCompiled::Limit(Limit::CpuTime),
            NotCompiled::Limit(Limit::Hostcall),
            NotCompiled::Ended("unreachable".to_owned()),
        ] {
            let mut attempts = attempts();
            assert!(tries(&mut attempts, most, &why) && !tries(&mut attempts, large, &why), "{why:?}");
            // It is also remembered if the script is read again.
            attempts.add(&"a".into());
            assert!(!tries(&mut attempts, large, &why), "{why:?}");
        }
        // From a quarter of the time on, the next step is the bound.
        let mut attempts = attempts();
        let near = Offer { cpu_time: MOST_TIME * 3 / 4, ..most };
        assert!(tries(&mut attempts, near, &NotCompiled::Limit(Limit::CpuTime)));
        assert!(tries(&mut attempts, most, &NotCompiled::Limit(Limit::CpuTime)));
    }

    #[test]
    fn there_are_few_attempts_and_one_at_a_time() {
        let (mut attempts, why) = (attempts(), NotCompiled::NoRoom("full".to_owned()));
        let first = attempts.begin("a", || OFFER).unwrap();
        assert_eq!(attempts.begin("a", || OFFER), None, "another event compiles it");
        attempts.end("a", &first, None);
        let mut tried = 1;
        while tries(&mut attempts, OFFER, &why) {
            tried += 1;
        }
        assert_eq!(tried, MOST_ATTEMPTS);
        assert_eq!(attempts.begin("b", || OFFER), None, "nothing is to be done for it");
    }

    #[test]
    fn a_script_that_is_compiled_is_forgotten_and_others_are_told_of_once() {
        let mut attempts = attempts();
        let offer = attempts.begin("a", || OFFER).unwrap();
        attempts.end("a", &offer, Some(Ok(())));
        assert!(attempts.0.is_empty() && attempts.tell("a").is_none());
        attempts.add(&"a".into());
        assert_eq!((attempts.tell("a"), attempts.tell("a")), (Some(true), None));
        for number in 0..2 * MOST_REMEMBERED {
            attempts.add(&number.to_string().into());
        }
        assert_eq!((attempts.0.len(), attempts.tell("a")), (MOST_REMEMBERED, None));
    }
}
