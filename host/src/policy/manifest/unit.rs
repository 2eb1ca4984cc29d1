//! The notation of sizes, durations and counts.

use std::time::Duration;

use bytesize::ByteSize;

pub(super) const KIB: u64 = 1024;
pub(super) const GIB: u64 = 1024 * 1024 * KIB;

/// The unit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes,
    Nanoseconds,
    Pieces,
}

impl Unit {
    pub(super) fn parse(self, text: &str) -> Result<u64, String> {
        let parsed = match self {
            Self::Bytes => text.parse().ok().map(|ByteSize(bytes)| bytes),
            Self::Nanoseconds => humantime::parse_duration(text).ok().map(nanoseconds),
            Self::Pieces => None,
        };
        parsed.ok_or_else(|| format!("{text:?} is not valid; expected {}", self.example()))
    }

    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Bytes => "a size, such as \"64KiB\" or \"1.5 GB\", or a whole number of bytes",
            Self::Nanoseconds => "a duration, such as \"200ms\", \"5s\" or \"1m 30s\"",
            Self::Pieces => "a whole number",
        }
    }

    /// The amount in the notation for people.
    pub(super) fn text(self, value: u64) -> String {
        match self {
            Self::Bytes => size(value),
            Self::Nanoseconds => humantime::format_duration(Duration::from_nanos(value)).to_string(),
            Self::Pieces => value.to_string(),
        }
    }
}

/// A size in the unit in which it is the shortest number, since people write it so: 64,000,000 bytes are `64MB` and
/// not `62500KiB`.
fn size(value: u64) -> String {
    const UNITS: [(u64, &str); 8] = [
        (1024 * GIB, "TiB"),
        (GIB, "GiB"),
        (1024 * KIB, "MiB"),
        (KIB, "KiB"),
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "KB"),
    ];
    let whole = UNITS.iter().filter(|(unit, _)| value > 0 && value.is_multiple_of(*unit));
    let digits = |number: u64| number.checked_ilog10().unwrap_or_default();
    whole.min_by_key(|(unit, _)| digits(value / unit)).map_or_else(
        || format!("{value} byte{}", if value == 1 { "" } else { "s" }),
        |(unit, name)| format!("{}{name}", value / unit),
    )
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_as_they_are_written() {
        for text in [
            "64MB",
            "64MiB",
            "1500MB",
            "2GB",
            "2GiB",
            "500KB",
            "64KiB",
            "6291556 bytes",
            "1 byte",
            "0 bytes",
            "1TiB",
        ] {
            let ByteSize(value) = text.replace("bytes", "").replace("byte", "").trim().parse().unwrap();
            assert_eq!(Unit::Bytes.text(value), text);
        }
        assert_eq!(Unit::Bytes.text(4 * GIB - 64 * KIB), "4194240KiB");
    }
}
