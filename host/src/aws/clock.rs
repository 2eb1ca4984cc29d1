//! The time of AWS. A signature is valid for some minutes, so a machine whose clock is wrong signs with AWS's time.
//!
//! A process has one clock, which all of its clients share. It is set by the header `Date` of answers, so only these servers are
//! asked: those of AWS itself, over TLS, and those that the operator has put in their place with `AWS_ENDPOINT_URL` or
//! `endpoint_url`. A server that requests are merely signed for could make everybody else's signatures invalid.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// A smaller difference does no harm: AWS takes a signature that is five minutes off.
const TOLERATED: i64 = 4 * 60;
/// A server whose clock differs by more is not believed: what is signed for a later time could be used then.
const MAX_DIFFERENCE: i64 = 24 * 3600;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The time of AWS, which is that of this machine until an answer says otherwise. Its clones are one clock.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// By how many seconds AWS is ahead.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// The time.
    pub fn now(&self) -> SystemTime {
        self.at(SystemTime::now())
    }

    /// Looks at the header `Date` of an answer with which a server refuses a request that was signed at this time.
    /// Returns whether the time was wrong, and is corrected from now on.
    pub fn notice(&self, date: Option<&str>, signed: SystemTime) -> bool {
        self.notice_at(date, signed, SystemTime::now())
    }

    fn at(&self, here: SystemTime) -> SystemTime {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let there = if ahead < 0 { here.checked_sub(by) } else { here.checked_add(by) };
        there.unwrap_or(here)
    }

    fn notice_at(&self, date: Option<&str>, signed: SystemTime, here: SystemTime) -> bool {
        let Some(there) = date.and_then(read_date).map(seconds) else { return false };
        let ahead = there - seconds(here);
        let is_wrong = (there - seconds(signed)).abs() >= TOLERATED && ahead.abs() <= MAX_DIFFERENCE;
        if is_wrong {
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        is_wrong
    }
}

/// The seconds since 1970; 0 before that.
fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A time in the form of HTTP: `Mon, 30 Nov 2026 18:00:00 GMT`.
fn read_date(date: &str) -> Option<SystemTime> {
    let (_, date) = date.split_once(", ")?;
    let mut parts = date.splitn(3, ' ');
    let (day, month, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let (year, time) = rest.strip_suffix(" GMT")?.split_once(' ')?;
    humantime::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z")).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A time, as a server says it. The day of the week is not read.
    pub(crate) fn date(time: SystemTime) -> String {
        let text = humantime::format_rfc3339_seconds(time).to_string();
        let (year, day, time) = (&text[..4], &text[8..10], &text[11..19]);
        let month = MONTHS[text[5..7].parse::<usize>().unwrap() - 1];
        format!("Mon, {day} {month} {year} {time} GMT")
    }

    fn time(text: &str) -> SystemTime {
        humantime::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_date_of_http_is_read() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
            ("Thu, 29 Feb 2024 23:59:59 GMT", "2024-02-29T23:59:59Z"),
        ] {
            assert_eq!(read_date(text), Some(time(expected)));
            assert_eq!(read_date(&date(time(expected))), Some(time(expected)));
        }
        for odd in [
            "",
            "Mon, ",
            "1994-11-06T08:49:37Z",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Non 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, -6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, é6 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(read_date(odd), None, "{odd}");
        }
    }

    #[test]
    fn p1_16_a_clock_that_is_wrong_is_corrected_once() {
        let (clock, here) = (Clock::default(), time("2026-11-30T12:00:00Z"));
        let later = |minutes: u64| here + Duration::from_secs(minutes * 60);
        let other = clock.clone();
        assert_eq!(clock.at(here), here);
        assert!(!clock.notice_at(None, here, here) && !clock.notice_at(Some("soon"), here, here));
        assert!(!clock.notice_at(Some(&date(later(3))), here, here), "this is close enough");
        assert!(clock.notice_at(Some(&date(later(60))), here, here));
        assert_eq!(other.at(here), later(60), "a process has one clock");
        assert!(!clock.notice_at(Some(&date(later(60))), later(60), here), "it is corrected already");
        assert!(clock.notice_at(Some(&date(here)), later(60), here), "the clock here was set meanwhile");
        assert_eq!(clock.at(here), here);
    }

    #[test]
    fn a_server_that_is_days_away_is_not_believed() {
        let (clock, here) = (Clock::default(), time("2026-11-30T12:00:00Z"));
        for far in ["Wed, 02 Dec 2026 12:00:00 GMT", "Fri, 30 Nov 1962 12:00:00 GMT"] {
            assert!(!clock.notice_at(Some(far), here, here), "{far}");
            assert_eq!(clock.at(here), here);
        }
    }
}
