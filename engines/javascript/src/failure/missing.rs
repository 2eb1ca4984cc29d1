//! What scripts look for and do not find, and what there is in its place.

/// Globals of browsers, of Node.js and of the language that are not there, and what to use.
const GLOBALS: [(&str, &str); 8] = [
    ("Buffer", "use Uint8Array with TextEncoder, TextDecoder, atob and btoa"),
    ("File", "use Blob"),
    ("FormData", "use URLSearchParams or JSON"),
    ("Intl", "format numbers and dates in the script, or in the caller"),
    ("WebAssembly", "write the handler as a component"),
    ("WebSocket", "use fetch"),
    ("Worker", "send an event to another handler"),
    ("XMLHttpRequest", "use fetch"),
];

/// What to add to the message of a ReferenceError.
pub(super) fn hint(message: &str) -> Option<String> {
    let name = message.strip_suffix(" is not defined")?.trim_matches('\'');
    let (name, instead) = GLOBALS.iter().find(|(global, _)| *global == name)?;
    Some(format!("; scripts have no {name}: {instead}"))
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn what_is_known_to_be_missing_has_a_hint() {
        let hint_of = |message| hint(message).unwrap_or_default();
        assert!(hint_of("'Buffer' is not defined").starts_with("; scripts have no Buffer: use Uint8Array"));
        assert!(hint_of("Intl is not defined").starts_with("; scripts have no Intl"));
        assert_eq!(hint_of("x is not defined"), "");
    }
}
