//! The clock of a server. A signature is valid for some minutes, so a machine whose clock is wrong signs with the server's.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// A server whose clock differs by more is not believed: what is signed for a later time could be used then.
const MAX_DIFFERENCE: i64 = 24 * 3600;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The time of a server, which is that of this machine until a reply says otherwise.
#[derive(Debug, Default)]
pub struct Clock {
    /// By how many seconds the server is ahead.
    ahead: AtomicI64,
}

impl Clock {
    /// The time of the server.
    pub fn now(&self) -> SystemTime {
        self.at(SystemTime::now())
    }

    /// Sets it by the header `Date` of a reply. Returns whether it is set.
    pub fn set(&self, date: &str) -> bool {
        self.set_at(date, SystemTime::now())
    }

    fn at(&self, here: SystemTime) -> SystemTime {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let there = if ahead < 0 { here.checked_sub(by) } else { here.checked_add(by) };
        there.unwrap_or(here)
    }

    fn set_at(&self, date: &str, here: SystemTime) -> bool {
        let ahead = read_date(date).map(|there| seconds(there) - seconds(here));
        let ahead = ahead.filter(|ahead| (-MAX_DIFFERENCE..=MAX_DIFFERENCE).contains(ahead));
        if let Some(ahead) = ahead {
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        ahead.is_some()
    }
}

/// The seconds since 1970; 0 before that.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A time in the form of HTTP: `Mon, 30 Nov 2026 18:00:00 GMT`.
pub(crate) fn read_date(date: &str) -> Option<SystemTime> {
    let (_, date) = date.split_once(", ")?;
    let mut parts = date.splitn(3, ' ');
    let (day, month, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let (year, time) = rest.strip_suffix(" GMT")?.split_once(' ')?;
    humantime::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> SystemTime {
        humantime::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_date_of_http_is_read() {
        assert_eq!(read_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(time("1994-11-06T08:49:37Z")));
        for odd in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Non 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, é6 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(read_date(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_time_is_that_of_the_server_unless_it_is_far_away() {
        let (clock, here) = (Clock::default(), time("2026-11-30T12:00:00Z"));
        assert_eq!(clock.at(here), here);
        for (date, there) in [
            ("Mon, 30 Nov 2026 13:00:00 GMT", "2026-11-30T13:00:00Z"),
            ("Mon, 30 Nov 2026 11:59:59 GMT", "2026-11-30T11:59:59Z"),
        ] {
            assert!(clock.set_at(date, here));
            assert_eq!(clock.at(here), time(there));
        }
        for far in ["Wed, 02 Dec 2026 12:00:00 GMT", "Fri, 30 Nov 1962 12:00:00 GMT", "soon"] {
            assert!(!clock.set_at(far, here));
            assert_eq!(clock.at(here), time("2026-11-30T11:59:59Z"), "it stays as it was");
        }
    }
}
