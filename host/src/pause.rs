//! How long to wait before another attempt.
//!
//! Those that fail at one moment, in one process or in a whole fleet, must not come back at one moment. So a pause is
//! chosen at random.
//!
//! May use: nothing.

use std::time::Duration;

use rustix::rand::{GetRandomFlags, getrandom};

/// A pause between half of `longest` and all of it, in whole milliseconds.
pub fn up_to(longest: Duration) -> Duration {
    spread(longest, random())
}

/// A time between half of `longest` and all of it, in whole milliseconds, chosen by a random number.
fn spread(longest: Duration, random: u32) -> Duration {
    let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    let half = longest / 2;
    let steps = longest - half + 1;
    Duration::from_millis(half + u64::from(random) % steps)
}

/// From the operating system: a generator of this process would return equal numbers in each copy of a
/// snapshot.
fn random() -> u32 {
    let mut bytes = [0; 4];
    // Without random bytes, the pauses are only less spread.
    let _ = getrandom(&mut bytes, GetRandomFlags::NONBLOCK);
    u32::from_ne_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_pause_is_spread_over_the_upper_half() {
        let spread = |random| spread(Duration::from_millis(100), random).as_millis();
        assert_eq!((spread(0), spread(25), spread(50), spread(51)), (50, 75, 100, 50));
    }

    #[test]
    fn pauses_differ() {
        let pauses: BTreeSet<Duration> = (0..64).map(|_| up_to(Duration::from_millis(100))).collect();
        // 64 of 51 times: the odds that there are no more than 8 different ones are less than one in 10^30.
        assert!(pauses.len() > 8, "{pauses:?}");
    }
}
