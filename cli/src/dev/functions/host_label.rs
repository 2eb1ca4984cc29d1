//! Turns the name of a function into a label of a host name, so that each function URL has a host of its own.

use bulkhead_host::engine::artifact;

/// The longest label of a host name (RFC 1035).
const LONGEST: usize = 63;

/// How much of a name is kept that is not a valid label.
const KEPT: usize = 40;

/// The name itself if it is a valid label, or else its letters and digits with a part of its digest. A dot
/// must not stay: a browser treats a host and the hosts below it as one site.
pub(in crate::dev) fn host_label(name: &str) -> String {
    let plain =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_".contains(&letter);
    let is_label = (1..=LONGEST).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with("xn--")
        && !name.starts_with('-')
        && !name.ends_with('-');
    if is_label {
        return name.to_owned();
    }
    let digest = artifact::digest(name.as_bytes());
    let digest = digest.trim_start_matches("sha256:").get(..8).unwrap_or_default();
    let kept: String = name.chars().take(KEPT).collect::<String>().to_ascii_lowercase();
    let words = kept.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.chain([digest]).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_label_of_its_own() {
        for name in ["hello", "my-handler_2", "7", &"x".repeat(63)] {
            assert_eq!(host_label(name), name);
        }
        let odd = ["Hello", "hellO", "a.b", "a-b.", "é", "-a", "xn--a", "", "...", &"x".repeat(64), "a b"];
        let labels: std::collections::BTreeSet<String> = odd.iter().map(|name| host_label(name)).collect();
        assert_eq!(labels.len(), odd.len(), "{labels:?}");
        for made in labels {
            assert!(made.len() <= LONGEST && host_label(&made) == made, "{made}");
        }
        assert!(host_label("a.b").starts_with("a-b-"));
    }
}
