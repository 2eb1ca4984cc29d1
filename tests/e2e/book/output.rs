//! Whether what was printed is what the book shows, but for what is different in each run.

use std::sync::LazyLock;

use regex::Regex;

/// What differs from run to run, and what stands for it. Limits, which do not, are written without a space: `64MiB`, `5s`.
static DIFFERENT: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        (r"sha256:[0-9a-f]{64}", "sha256:<digest>"),
        (r"\bport \d{4,5}\b", "port <port>"),
        // Of a listing: `755  bootstrap  6098560  2916529`, or of one without the last column.
        (r"^([67]\d\d)\s+(\S+)\s+\d+(\s+\d+)?$", "$1 $2 <bytes>"),
        (r#""(\w+Ms|peakMemoryBytes)":[0-9.]+"#, r#""$1":<n>"#),
        // Before the next one: a time can have any unit, and a size as well.
        (r"\b\d+(\.\d+)?(us|µs)|\b\d+\.\d+ ?m?s\b|\b\d+ ms\b|\b0us\b", "<duration>"),
        (r"\b\d+(\.\d+)? [KM]i?B\b|\b\d{5,} (B|bytes)|\b\d{5,} bytes\b", "<size>"),
        (r"\s+", " "),
    ]
    .map(|(pattern, shown)| (Regex::new(pattern).expect("a pattern"), shown))
    .into()
});

/// What is said of work that takes longer than a second, and gone from a terminal when it is done.
const PROGRESS: [&str; 5] = [
    "bulkhead dev: still building",
    "checking ",
    "compiling ",
    "running the tests",
    "waiting for the answer",
];

/// A line with what is different in each run taken out.
fn normal(line: &str) -> String {
    if PROGRESS.iter().any(|text| line.starts_with(text)) {
        return String::new();
    }
    let line = line.trim_end().to_owned();
    DIFFERENT.iter().fold(line, |line, (pattern, shown)| pattern.replace_all(&line, *shown).into_owned())
}

/// Where a line of what was printed stands that nothing has been compared with, if all that is expected has been found, from
/// line `from` on. `...` stands for any lines. Empty lines do not count.
pub(super) fn find(expected: &[String], printed: &str, from: usize) -> Option<usize> {
    let lines: Vec<String> = printed.lines().map(normal).collect();
    let mut next = from;
    let mut skips = false;
    for wanted in expected.iter().filter(|line| !line.trim().is_empty()) {
        if wanted == "..." {
            skips = true;
            continue;
        }
        let wanted = normal(wanted);
        let mut rest = (next..lines.len()).filter(|index| !lines[*index].is_empty());
        let found = if skips { rest.find(|index| lines[*index] == wanted) } else { rest.next() };
        next = found.filter(|index| lines[*index] == wanted)? + 1;
        skips = false;
    }
    Some(next)
}

/// Whether that is all that was printed.
pub(super) fn is(expected: &[String], printed: &str) -> bool {
    let is_open = expected.last().is_some_and(|line| line == "...");
    find(expected, printed, 0)
        .is_some_and(|next| is_open || printed.lines().skip(next).all(|line| line.trim().is_empty()))
}

#[test]
fn numbers_of_a_run_may_differ_and_nothing_else() {
    let expected = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(is(&expected("took 1.5 ms of 5s"), "took 0.27 ms of 5s\n"));
    assert!(!is(&expected("took 1.5 ms of 5s"), "took 1.5 ms of 3s\n"));
    assert!(is(&expected("a\n...\nd"), "a\nb\nc\n\nd\n"));
    assert!(!is(&expected("a\n...\nd"), "a\nb\nd\ne\n"));
    assert!(!is(&expected("a"), "a\nb\n") && !is(&expected("a\nb"), "a\n") && !is(&[], "a\n"));
    assert!(is(&expected("a\n..."), "a\nb\n") && is(&[], ""));
    assert_eq!(find(&expected("b"), "a\nb\nb\n", 1), Some(2));
    assert_eq!(find(&expected("...\nb"), "a\nb\nb\n", 2), Some(3));
}
