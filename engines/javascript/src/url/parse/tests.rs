//! URLs and what they become.

use super::Url;

fn href(text: &str, base: Option<&str>) -> Option<String> {
    let base = match base {
        Some(base) => Some(Url::parse(base, None)?),
        None => None,
    };
    Url::parse(text, base.as_ref()).map(|url| url.href())
}

#[test]
fn absolute_urls() {
    for (text, expected) in [
        ("https://example.com", Some("https://example.com/")),
        (
            " HTTPS://User:Pa%20ss@EXAMPLE.com:443/a/../b?c d#e f ",
            Some("https://User:Pa%20ss@example.com/b?c%20d#e%20f"),
        ),
        ("http://a:8080\\b\\c", Some("http://a:8080/b/c")),
        ("http:/a//b", Some("http://a//b")),
        ("https://a/ä?ö#ü", Some("https://a/%C3%A4?%C3%B6#%C3%BC")),
        ("https://a/%2e%2E/b/./c/..", Some("https://a/b/")),
        ("https://a?'#'", Some("https://a/?%27#'")),
        ("https://u@v@a/", Some("https://u%40v@a/")),
        ("ht\ntp://a\t/", Some("http://a/")),
        ("mailto:a@b.c", Some("mailto:a@b.c")),
        ("data:text/plain,a b?c", Some("data:text/plain,a b?c")),
        ("x:/a/../b", Some("x:/b")),
        ("x://H/a", Some("x://H/a")),
        ("x:/..//a", Some("x:/.//a")),
        ("file:///a/b", Some("file:///a/b")),
        ("file://localhost/a", Some("file:///a")),
        ("https://", None),
        ("https://a:99999/", None),
        ("https://a:b/", None),
        ("https://a b/", None),
        ("https://u@/", None),
        ("/a", None),
        ("", None),
        ("1a:b", None),
    ] {
        assert_eq!(href(text, None).as_deref(), expected, "{text}");
    }
}

#[test]
fn relative_urls() {
    for (text, base, expected) in [
        ("c", "https://h/a/b?q#f", Some("https://h/a/c")),
        ("../c", "https://h/a/b", Some("https://h/c")),
        ("../../../c", "https://h/a/b", Some("https://h/c")),
        ("/c", "https://u:p@h:1/a/b", Some("https://u:p@h:1/c")),
        ("//i/c", "https://h/a", Some("https://i/c")),
        ("?c", "https://h/a/b?q#f", Some("https://h/a/b?c")),
        ("#c", "https://h/a/b?q#f", Some("https://h/a/b?q#c")),
        ("", "https://h/a/b?q#f", Some("https://h/a/b?q")),
        ("http:c", "http://h/a/b", Some("http://h/a/c")),
        ("http:c", "https://h/a/b", Some("http://c/")),
        ("b", "x:/a", Some("x:/b")),
        ("#f", "mailto:a", Some("mailto:a#f")),
        ("c", "mailto:a", None),
        ("c", "file:///a/b", Some("file:///a/c")),
        ("/c", "file:///a/b", Some("file:///c")),
    ] {
        assert_eq!(href(text, Some(base)).as_deref(), expected, "{text} {base}");
    }
}

#[test]
fn origins() {
    for (text, expected) in
        [("https://a:1/b", "https://a:1"), ("https://a:443/b", "https://a"), ("x://a/b", "null")]
    {
        assert_eq!(Url::parse(text, None).unwrap().origin(), expected);
    }
}
