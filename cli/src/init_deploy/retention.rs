//! Log retention: CloudWatch accepts only certain numbers of days.

use serde::Serialize;

/// A number of days that CloudWatch accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Retention {
    pub(super) days: u32,
    /// The name in CDK.
    pub(super) name: &'static str,
}

/// The values of the API
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>), with
/// the names of `aws-cdk-lib`'s `RetentionDays`.
const ALL: [Retention; 22] = [
    of(1, "ONE_DAY"),
    of(3, "THREE_DAYS"),
    of(5, "FIVE_DAYS"),
    of(7, "ONE_WEEK"),
    of(14, "TWO_WEEKS"),
    of(30, "ONE_MONTH"),
    of(60, "TWO_MONTHS"),
    of(90, "THREE_MONTHS"),
    of(120, "FOUR_MONTHS"),
    of(150, "FIVE_MONTHS"),
    of(180, "SIX_MONTHS"),
    of(365, "ONE_YEAR"),
    of(400, "THIRTEEN_MONTHS"),
    of(545, "EIGHTEEN_MONTHS"),
    of(731, "TWO_YEARS"),
    of(1096, "THREE_YEARS"),
    of(1827, "FIVE_YEARS"),
    of(2192, "SIX_YEARS"),
    of(2557, "SEVEN_YEARS"),
    of(2922, "EIGHT_YEARS"),
    of(3288, "NINE_YEARS"),
    of(3653, "TEN_YEARS"),
];

const fn of(days: u32, name: &'static str) -> Retention {
    Retention { days, name }
}

/// Parses a number of days.
pub(super) fn parse(text: &str) -> Result<Retention, String> {
    let days: Option<u32> = text.parse().ok();
    ALL.into_iter().find(|one| Some(one.days) == days).ok_or_else(|| {
        let all: Vec<String> = ALL.iter().map(|one| one.days.to_string()).collect();
        format!("CloudWatch accepts only these numbers of days: {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cloudwatch_has_is_taken() {
        assert_eq!(parse("30").unwrap().name, "ONE_MONTH");
        for wrong in ["0", "31", "-1", "a month"] {
            assert!(parse(wrong).unwrap_err().contains("1, 3, 5, 7, 14, 30"), "{wrong}");
        }
    }
}
