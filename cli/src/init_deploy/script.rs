//! What the text of a script says of the events that it is for. It only decides what is suggested, and nothing of it runs.

use std::path::Path;

use bulkhead_host::wasm::Kind;

/// The kind of component that a script is like, if its text says that it is a service or that it streams.
pub(super) fn kind(entry: &Path) -> Option<Kind> {
    let text = std::fs::read_to_string(entry).ok()?;
    if is_service(&text) {
        return Some(Kind::Http);
    }
    text.contains("awslambda.streamifyResponse(").then_some(Kind::Streaming)
}

/// Whether the default export is an object with `fetch`.
fn is_service(text: &str) -> bool {
    ["export default", "module.exports"].iter().any(|export| {
        let after = text.split_once(export).map_or("", |(_, after)| after);
        let after = after.trim_start().trim_start_matches('=').trim_start();
        after.strip_prefix('{').is_some_and(has_fetch)
    })
}

/// Whether an object has a member `fetch`, whose text begins behind its brace. A brace within a text counts like any other.
fn has_fetch(object: &str) -> bool {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (place, character) in object.char_indices() {
        match character {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' if depth == 0 => return false,
            '}' | ')' | ']' => depth -= 1,
            'f' if depth == 0 && !is_of_name(before) => {
                let rest = object[place..].strip_prefix("fetch");
                if rest.is_some_and(|rest| !rest.starts_with(is_of_name)) {
                    return true;
                }
            }
            _ => {}
        }
        before = character;
    }
    false
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(text: &str) -> Option<Kind> {
        let folder = tempfile::tempdir().unwrap();
        let entry = folder.path().join("index.js");
        std::fs::write(&entry, text).unwrap();
        kind(&entry)
    }

    #[test]
    fn a_service_has_fetch_in_its_default_export() {
        for text in [
            "export default { fetch(request) { return new Response() } }",
            "const a = 1;\nexport default {\n  name: { a: [1] },\n  async fetch (request) {} }",
            "module.exports = { handler(event) {}, fetch: serve };",
            "export default { fetch }",
        ] {
            assert_eq!(kind_of(text), Some(Kind::Http), "{text}");
        }
        for text in [
            "export default async () => { await fetch('https://a.b') }",
            "export default { handler() { return fetch('https://a.b') } }",
            "export default { fetched: 1, a: b.fetch }; const c = { fetch() {} }",
            "export const handler = () => 1",
        ] {
            assert_eq!(kind_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_handler_that_streams_says_so() {
        let text = "export const handler = awslambda.streamifyResponse(async () => {})";
        assert_eq!(kind_of(text), Some(Kind::Streaming));
        assert_eq!(kind(Path::new("/nowhere/index.js")), None);
    }
}
