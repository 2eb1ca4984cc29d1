//! What web-platform-tests found, in short: the suite itself is not part of this repository.

use super::run;

fn value(expression: &str) -> String {
    run(&format!("export default () => {{ {expression} }}"), "1")
}

#[test]
fn listeners_end_with_their_signal_and_events_say_what_they_are() {
    for (expression, answer) in [
        (
            "const t = new EventTarget(); const c = new AbortController(); let n = 0; \
             t.addEventListener('a', () => n++, { signal: c.signal }); t.addEventListener('a', () => c.abort()); \
             t.dispatchEvent(new Event('a')); t.dispatchEvent(new Event('a')); return n",
            "1",
        ),
        (
            "const t = new EventTarget(); let n = 0; const f = () => n++; t.addEventListener('a', f); \
             t.addEventListener('a', f, true); t.removeEventListener('a', f); t.dispatchEvent(new Event('a')); return n",
            "1",
        ),
        (
            "new EventTarget().addEventListener('a', () => {}, { signal: null })",
            "TypeError: the signal must be",
        ),
        (
            "const e = new Event('a', { bubbles: true }); return [e.bubbles, e.composed, e.cancelable, e.isTrusted, e.eventPhase]",
            "[true,false,false,false,0]",
        ),
        ("new Event()", "TypeError: Event needs a type"),
        ("return `${console}`", "\"[object console]\""),
        ("return Math.random.name", "\"random\""),
    ] {
        let found = value(expression);
        assert!(found.starts_with(answer), "{expression}: {found}");
    }
}

#[test]
fn labels_headers_and_responses_are_checked() {
    for (expression, answer) in [
        ("return new TextDecoder(' x-unicode20utf8\\n').encoding", "\"utf-8\""),
        (
            "return [new TextDecoder('CP1252').encoding, new TextDecoder('csunicode').encoding]",
            "[\"windows-1252\",\"utf-16le\"]",
        ),
        ("new TextDecoder('\\vutf-8')", "RangeError: the encoding"),
        ("new TextDecoder('utf-8|utf8')", "RangeError: the encoding"),
        ("new TextDecoder('')", "RangeError: the encoding"),
        (
            "new TextEncoder().encodeInto('a', new Int8Array(1))",
            "TypeError: TextEncoder.encodeInto() needs a Uint8Array",
        ),
        ("new Headers({ a: '\\u0100' })", "TypeError: the value of a header"),
        ("Response.redirect('https://a.example', 200)", "RangeError: 200 is not the status of a redirect"),
        ("return [Response.redirect('https://a.example', 307).status, Response.error().status]", "[307,0]"),
    ] {
        let found = value(expression);
        assert!(found.starts_with(answer), "{expression}: {found}");
    }
}

#[test]
fn utf_16_has_replacement_characters_of_its_own() {
    for (bytes, answer) in [
        ("0xfd, 0xff", "\"\u{fffd}\""),
        ("0x3d, 0xd8, 0x00, 0xde", "\"😀\""),
        ("0x3d, 0xd8", "TypeError: the bytes are not valid text"),
        ("0x61", "TypeError: the bytes are not valid text"),
    ] {
        let source = "return new TextDecoder('utf-16le', { fatal: true }).decode(new Uint8Array";
        let found = value(&format!("{source}([{bytes}]))"));
        assert!(found.starts_with(answer), "{bytes}: {found}");
    }
}

#[test]
fn text_is_encoded_character_by_character() {
    for (text, room, answer) in [
        ("aé😀", 7, "[4,7,[97,195,169,240,159,152,128]]"),
        ("aé😀", 6, "[2,3,[97,195,169,0,0,0]]"),
        ("\\ud83da", 4, "[2,4,[239,191,189,97]]"),
    ] {
        let found = value(&format!(
            "const to = new Uint8Array({room}); const {{ read, written }} = new TextEncoder().encodeInto('{text}', to);
             return [read, written, Array.from(to)]"
        ));
        assert_eq!(found, answer, "{text}");
    }
}

#[test]
fn setters_keep_what_a_url_is() {
    for (url, set, href) in [
        ("https://a.example/", "protocol = 'x'", "https://a.example/"),
        ("x://a.example/", "protocol = 'HTTP'", "x://a.example/"),
        ("https://a.example/", "protocol = 'HTTP:'", "http://a.example/"),
        ("https://u@a.example/", "protocol = 'file'", "https://u@a.example/"),
        ("mailto:a@b", "host = 'c'", "mailto:a@b"),
        ("mailto:a@b", "hostname = 'c'", "mailto:a@b"),
        ("mailto:a@b", "pathname = '/c'", "mailto:a@b"),
        ("http://a.example:8080/", "host = 'b.example:80'", "http://b.example/"),
        ("http://a.example/", "host = 'b.example:8080x'", "http://b.example:8080/"),
        ("http://a.example/", "host = 'b.example:65536'", "http://b.example/"),
        ("http://a.example/", "host = 'u@b.example'", "http://a.example/"),
        ("foo:/a", "pathname = ''", "foo:/"),
        ("http://a.example/", "pathname = '\\\\\\\\b'", "http://a.example//b"),
        ("http://a.example/?b#c", "hash = '#'", "http://a.example/?b#"),
    ] {
        let found = value(&format!("const url = new URL('{url}'); url.{set}; return url.href"));
        assert_eq!(found, format!("\"{href}\""), "{url} {set}");
    }
}
