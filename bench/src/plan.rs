//! The number and the order of the measurements.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::contestant::Contestant;

/// The idle time of a contestant before its memory is read.
pub(crate) const REST: Duration = Duration::from_millis(50);
/// The events that warm up, which are not measured.
pub(crate) const WARM_UP: usize = 100;

/// The number of measurements.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// How often everything is repeated, with new processes
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Starts of each contestant in a round
    #[arg(long, default_value_t = 9)]
    pub(crate) starts: usize,
    /// Measured events of `hello` for each contestant in a round, and as many again without a pause; there
    /// are fewer of the larger events
    #[arg(long, default_value_t = 1000)]
    pub(crate) events: usize,
    /// Events a second, in the run at fixed times
    #[arg(long, default_value_t = 1000)]
    pub(crate) rate: u32,
    /// The seconds of a rest
    #[arg(long, default_value_t = 10.0)]
    pub(crate) rest: f64,
    /// Rests in a round
    #[arg(long, default_value_t = 3)]
    pub(crate) rests: usize,
    /// Faults of each kind for each contestant in a round
    #[arg(long, default_value_t = 3)]
    pub(crate) faults: usize,
    /// The parts to measure; all of them by default
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<Part>,
}

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// From the start to the first call for an event
    Start,
    /// A small event and a small response
    Hello,
    /// Events of four sizes, which are returned
    Echo,
    /// Lists of three sizes, which are read, filtered and written
    Orders,
    /// 1, 8 and 64 events at once
    Concurrency,
    /// Events at fixed times, beside the closed loop
    Rate,
    /// The first event after a rest
    Rest,
    /// The event after a panic, an exit, and a handler that hangs
    Faults,
    /// A tenant beside another one whose handlers never stop
    Fairness,
    /// A handler that takes long to start: in a fresh sandbox, and in ways that avoid the start
    Warm,
}

impl Plan {
    /// Whether this part is measured.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// The length of a rest.
    pub(crate) fn rest(&self) -> Result<Duration> {
        Duration::try_from_secs_f64(self.rest).context("--rest is a number of seconds")
    }
}

/// One of the rounds, in which every contestant is measured once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round<'a> {
    pub(crate) plan: &'a Plan,
    /// Counted from 0.
    pub(crate) number: usize,
    pub(crate) contestants: &'a [Contestant],
}

impl Round<'_> {
    /// The order of the contestants' turns.
    pub(crate) fn order(&self) -> Vec<usize> {
        order(self.number, self.contestants.len())
    }
}

/// The order of the contestants' turns, which moves on by one from round to round.
pub(crate) fn order(round: usize, contestants: usize) -> Vec<usize> {
    (0..contestants).map(|place| (place + round) % contestants).collect()
}

#[cfg(test)]
mod tests {
    use clap::{Parser, ValueEnum as _};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        plan: Plan,
    }

    #[test]
    fn everyone_is_first_in_some_round() {
        let first: Vec<usize> = (0..3).map(|round| order(round, 3)[0]).collect();
        assert_eq!(first, [0, 1, 2]);
    }

    #[test]
    fn parts_are_chosen_by_name() {
        let plan = Line::parse_from(["bench", "--only", "hello,faults"]).plan;
        assert!(plan.has(Part::Hello) && plan.has(Part::Faults) && !plan.has(Part::Echo));
        let all = Line::parse_from(["bench"]).plan;
        assert!(Part::value_variants().iter().all(|part| all.has(*part)));
    }

    #[test]
    fn a_rest_may_be_shorter_than_a_second_and_not_negative() {
        let rest = |text| Line::parse_from(["bench", &format!("--rest={text}")]).plan.rest();
        assert_eq!(rest("0.25").unwrap(), Duration::from_millis(250));
        assert!(rest("-1").is_err());
    }
}
