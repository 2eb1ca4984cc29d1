//! An event that waits for the store, or for its script.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep_until, timeout_at};

use super::{Absence, unavailable};
use crate::dispatch::GRACE;
use crate::engine::meter::Meter;
use crate::runtime_api::shutdown::Stop;

/// The longest time that an event waits for its tenant.
pub(in crate::dispatch) const LONGEST: Duration = Duration::from_secs(5);

/// Why there is no result of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dispatch) enum NoResult {
    /// It takes too long.
    Late,
    /// Its thread ended before it.
    Interrupted,
}

impl From<NoResult> for Absence {
    fn from(reason: NoResult) -> Self {
        match reason {
            NoResult::Late => unavailable("the store has not answered in time"),
            NoResult::Interrupted => unavailable("the fetch was interrupted"),
        }
    }
}

/// The result of a fetch, when it is there.
pub(in crate::dispatch) type Pending<T> = watch::Receiver<Option<T>>;

/// An event that waits for fetches, and until when.
#[derive(Debug)]
pub(in crate::dispatch) struct Waiting<'a> {
    pub(in crate::dispatch) until: Instant,
    pub(in crate::dispatch) meter: &'a Meter,
    stop: &'a mut Stop,
}

impl<'a> Waiting<'a> {
    /// For an event that ends at this time.
    pub(in crate::dispatch) fn new(ends: Instant, meter: &'a Meter, stop: &'a mut Stop) -> Self {
        let longest = if stop.is_requested() { GRACE } else { LONGEST };
        Self { until: ends.min(Instant::now() + longest), meter, stop }
    }

    /// The result of a fetch, unless it takes too long. If the process is asked to stop, there is less time.
    pub(in crate::dispatch) async fn result<T: Clone>(
        &mut self,
        mut pending: Pending<T>,
    ) -> Result<T, NoResult> {
        let mut value = pin!(async move { pending.wait_for(Option::is_some).await.ok()?.clone() });
        if !self.stop.is_requested() {
            tokio::select! {
                biased;
                value = &mut value => return value.ok_or(NoResult::Interrupted),
                () = self.stop.requested() => self.until = self.until.min(Instant::now() + GRACE),
                () = sleep_until(self.until.into()) => {}
            }
        }
        match timeout_at(self.until.into(), value).await {
            Ok(value) => value.ok_or(NoResult::Interrupted),
            Err(_) => Err(NoResult::Late),
        }
    }
}
