//! The partitions of AWS, which differ in how the names of their servers end.

/// How the names of AWS's servers end in the partition of a region.
pub fn suffix_of(region: &str) -> &'static str {
    let suffixes = [
        ("cn-", "amazonaws.com.cn"),
        ("eusc-", "amazonaws.eu"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
    ];
    let found = suffixes.iter().find(|(beginning, _)| region.starts_with(beginning));
    found.map_or("amazonaws.com", |(_, suffix)| suffix)
}
