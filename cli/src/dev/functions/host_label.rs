//! A function's name as a label of a host name, so that each function URL is at a host of its own.

use bulkhead_host::engine::artifact;

/// The longest label of a host name (RFC 1035).
const LONGEST: usize = 63;

/// What is kept of a name that is no label.
const KEPT: usize = 40;

/// A function's name as one label of a host name: itself, or else what is left of it and a part of its digest. A dot would
/// put one function below another's name, which a browser takes for the same site.
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
