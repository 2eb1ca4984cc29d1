//! The fetches that have a thread, and those that wait for one. Scripts are read in the same way.
//!
//! A store that does not answer occupies the threads, and further fetches wait for one: each for as long as an event waits
//! for it. Tenants that were seen before have threads of their own, because a caller can make up any number of other ids.

use std::collections::VecDeque;

/// The threads of each lane.
const THREADS: usize = 8;

/// The fetches of each lane that wait. There is no more than one for each event in flight, and one for each tenant whose
/// record is looked at again.
const MOST_WAITING: usize = 1024;

/// A look behind an event is left to a later event if this many wait.
const BUSY: usize = MOST_WAITING / 2;

/// Who is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dispatch) enum Lane {
    /// A tenant that was seen before, and all native code: a signed record names it.
    Known,
    /// An id that may be made up.
    Unknown,
}

/// One fetch.
pub(in crate::dispatch) type Job = Box<dyn FnOnce() + Send>;

/// Too many fetches wait.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dispatch) struct Full;

/// The fetches of both lanes.
#[derive(Default)]
pub(in crate::dispatch) struct Queue {
    lanes: [Waiting; 2],
}

#[derive(Default)]
struct Waiting {
    threads: usize,
    jobs: VecDeque<Job>,
}

impl Queue {
    /// Adds a fetch. If it is returned, the caller starts a thread for it, which then takes the [`next`](Self::next).
    pub(in crate::dispatch) fn add(&mut self, lane: Lane, job: Job) -> Result<Option<Job>, Full> {
        let lane = self.lane(lane);
        if lane.threads < THREADS {
            lane.threads += 1;
            return Ok(Some(job));
        }
        if lane.jobs.len() >= MOST_WAITING {
            return Err(Full);
        }
        lane.jobs.push_back(job);
        Ok(None)
    }

    /// The next fetch for a thread. Without one the thread ends.
    pub(in crate::dispatch) fn next(&mut self, lane: Lane) -> Option<Job> {
        let lane = self.lane(lane);
        let job = lane.jobs.pop_front();
        lane.threads -= usize::from(job.is_none());
        job
    }

    /// The thread for the fetch that [`add`](Self::add) returned could not be started.
    pub(in crate::dispatch) fn lost(&mut self, lane: Lane) {
        self.lane(lane).threads -= 1;
    }

    /// Whether so much waits that what can wait is not added.
    pub(in crate::dispatch) fn is_busy(&mut self, lane: Lane) -> bool {
        self.lane(lane).jobs.len() >= BUSY
    }

    fn lane(&mut self, lane: Lane) -> &mut Waiting {
        let [known, unknown] = &mut self.lanes;
        match lane {
            Lane::Known => known,
            Lane::Unknown => unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Box::new(|| ())
    }

    #[test]
    fn a_lane_has_threads_and_the_rest_waits_up_to_a_limit() {
        let mut queue = Queue::default();
        let mut add = |lane| queue.add(lane, job()).map(|started| started.is_some());
        for _ in 0..THREADS {
            assert_eq!(add(Lane::Unknown), Ok(true));
        }
        for _ in 0..MOST_WAITING {
            assert_eq!(add(Lane::Unknown), Ok(false));
        }
        assert_eq!(add(Lane::Unknown), Err(Full));
        assert_eq!(add(Lane::Known), Ok(true), "ids without end do not take the threads of tenants");
        assert!(queue.is_busy(Lane::Unknown) && !queue.is_busy(Lane::Known));
    }

    #[test]
    fn a_thread_takes_what_waits_and_then_ends() {
        let mut queue = Queue::default();
        for _ in 0..=THREADS {
            queue.add(Lane::Known, job()).unwrap();
        }
        assert!(queue.next(Lane::Known).is_some(), "the one that waited");
        assert!(queue.add(Lane::Known, job()).unwrap().is_none());
        for _ in 0..THREADS {
            queue.next(Lane::Known);
        }
        assert!(
            queue.add(Lane::Known, job()).unwrap().is_some(),
            "a thread has ended, so another one starts"
        );
    }
}
