//! Finds credentials of two hundred services in a text: patterns that take long to build, built once ahead of all events.

use std::sync::LazyLock;

use regex::RegexSet;

/// One name on each line.
const SERVICES: &str = include_str!("services.txt");

/// One pattern for each service, in the order of [`SERVICES`].
#[expect(clippy::expect_used, reason = "it panics where it is compiled, if it does")]
static PATTERNS: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = SERVICES.lines().map(|service| {
        format!(r#"(?i-u)\b{service}[ _-]?(api|access|secret|auth)?[ _-]?(key|token|secret)\b["' ]*[:=]["' ]*[0-9a-z_-]{{16,40}}"#)
    });
    RegexSet::new(patterns).expect("the names are plain letters and digits")
});

#[bulkhead::init]
fn init() {
    // A search, and not only the patterns: the first one makes room for what every search needs.
    PATTERNS.is_match("github_token = 'not one'");
}

#[derive(Debug, PartialEq, serde::Serialize)]
struct Finding {
    line: usize,
    service: &'static str,
}

#[bulkhead::handler]
fn scan(text: String) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for pattern in PATTERNS.matches(line) {
            findings.extend(SERVICES.lines().nth(pattern).map(|service| Finding { line: at + 1, service }));
        }
    }
    findings
}

#[test]
fn credentials_are_found_with_their_line_and_service() {
    let text = "region = eu-central-1\nGITHUB_TOKEN=\"0123456789abcdef0123\"\nstripe-secret-key: abcdefghijklmnop_-\n";
    let found = |line, service| Finding { line, service };
    assert_eq!(scan(text.into()), [found(2, "github"), found(3, "stripe")]);
    assert_eq!(scan("github_token = short\nmygithub_token=0123456789abcdef0123".into()), []);
}

#[test]
fn there_are_two_hundred_services() {
    assert_eq!((SERVICES.lines().count(), PATTERNS.len()), (200, 200));
}
