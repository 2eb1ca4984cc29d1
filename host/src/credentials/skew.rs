//! How far the clock of this machine is from AWS's.
//!
//! AWS refuses a request whose time is five minutes off, and says its own time in the header `date` of the answer.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use crate::aws::{read_date, seconds};

/// A smaller difference does no harm.
const TOLERATED: i64 = 4 * 60;
/// Later than every time that a correct clock shows while this code is used, in seconds since 1970: the year 2200.
const LAST: i64 = 7_258_118_400;

/// A correction of the clock, in seconds.
#[derive(Debug, Default)]
pub struct Skew(AtomicI64);

impl Skew {
    /// The time, corrected. If there is no correction, with the one of `other`.
    pub fn now(&self, other: Option<&Self>) -> SystemTime {
        let own = self.0.load(Ordering::Relaxed);
        let seconds = if own == 0 { other.map_or(0, |other| other.0.load(Ordering::Relaxed)) } else { own };
        shifted(SystemTime::now(), seconds)
    }

    /// Looks at the header `date` of an answer with which a server refuses a request that was signed at this time.
    /// Returns whether the time was wrong, and is corrected from now on.
    pub fn notice(&self, date: Option<&str>, signed: SystemTime) -> bool {
        let Some(theirs) = date.and_then(seconds_of) else { return false };
        if (theirs - seconds(signed)).abs() < TOLERATED {
            return false;
        }
        self.0.store(theirs - seconds(SystemTime::now()), Ordering::Relaxed);
        true
    }
}

fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    shifted.unwrap_or(time)
}

/// The seconds since 1970 of a date such as `Mon, 30 Nov 2026 18:42:38 GMT`.
fn seconds_of(date: &str) -> Option<i64> {
    read_date(date).map(seconds).filter(|seconds| *seconds < LAST)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A time, as a server says it.
    pub(in crate::credentials) fn date(time: SystemTime) -> String {
        let text = humantime::format_rfc3339_seconds(time).to_string();
        let (year, day, time) = (&text[..4], &text[8..10], &text[11..19]);
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = months[text[5..7].parse::<usize>().unwrap() - 1];
        format!("Mon, {day} {month} {year} {time} GMT")
    }

    #[test]
    fn dates_of_http() {
        for (date, time) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
            ("Thu, 29 Feb 2024 23:59:59 GMT", "2024-02-29T23:59:59Z"),
            ("Mon, 30 Nov 2026 18:42:38 GMT", "2026-11-30T18:42:38Z"),
            ("Fri, 01 Mar 2199 00:00:00 GMT", "2199-03-01T00:00:00Z"),
        ] {
            let time = humantime::parse_rfc3339(time).unwrap();
            let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            assert_eq!(seconds_of(date), i64::try_from(seconds).ok(), "{date}");
        }
        for odd in [
            "",
            "Mon, ",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 06 Non 1994 08:49:37 GMT",
            "Sun, -6 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(seconds_of(odd), None, "{odd}");
        }
    }

    #[test]
    fn p1_16_a_clock_that_is_wrong_is_corrected_once() {
        let skew = Skew::default();
        let now = SystemTime::now();
        assert!(!skew.notice(None, now) && !skew.notice(Some("soon"), now));
        let minutes = |count: u64| Duration::from_secs(count * 60);
        assert!(!skew.notice(Some(&date(now + minutes(3))), now), "this is close enough");
        assert!(skew.notice(Some(&date(now + minutes(60))), now));
        let corrected = skew.now(None);
        assert!(corrected > now + minutes(59) && corrected < now + minutes(61));
        assert!(!skew.notice(Some(&date(now + minutes(60))), corrected), "it is corrected already");
        let other = Skew::default();
        assert!(other.now(Some(&skew)) > now + minutes(59), "what another one knows is better than nothing");
        assert!(other.notice(Some(&date(now - minutes(600))), now));
        assert!(other.now(Some(&skew)) < now - minutes(599));
    }
}
