//! Which hosts a grant names, and which it covers.

use super::*;

fn entry(text: &str) -> AllowedHost {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

const ENTRIES: &[&str] = &[
    "https://api.example.com",
    "http://api.example.com",
    "http://api.example.com:443",
    "*://api.example.com:*",
    "https://example.com:*",
    "https://*.example.com",
    "https://*.api.example.com",
    "https://*.com:440..450",
    "https://api.example.com:443..444",
    "*://*:443",
    "*://*:1024..65536",
    "*://*:*",
    "https://10.1.2.3",
    "https://10.0.0.0/8",
    "*://10.1.0.0/16:*",
    "http://[::1]:8080",
    "http://[2001:db8::/32]:*",
    "https://[::/0]",
    "https://localhost",
];

#[test]
fn what_entries_allow() {
    let allowed = [
        ("https://api.example.com", "https", "api.example.com", 443),
        ("https://api.example.com", "HTTPS", "API.Example.COM.", 443),
        ("https://API.example.com./", "https", "api.example.com", 443),
        ("http://api.example.com", "http", "api.example.com", 80),
        ("*://host:4567", "http", "host", 4567),
        ("*://host:4567", "https", "host", 4567),
        ("https://example.com:*", "https", "example.com", 8443),
        ("https://*.example.com", "https", "a.b.example.com", 443),
        ("https://example.com:8000..8100", "https", "example.com", 8000),
        ("https://example.com:8000..8100", "https", "example.com", 8099),
        ("*://*:1..65536", "http", "example.com", 65535),
        ("*://*:*", "http", "169.254.169.254", 80),
        ("http://10.0.0.0/8", "http", "10.255.0.1", 80),
        ("http://10.0.0.1", "http", "10.0.0.1", 80),
        ("http://10.0.0.1", "http", "[::ffff:10.0.0.1]", 80),
        ("http://[::ffff:10.0.0.0/104]", "http", "10.9.9.9", 80),
        ("http://[::1]:8080", "http", "[0:0::1]", 8080),
        ("http://[2001:db8::/32]", "http", "[2001:db8:1::1]", 80),
    ];
    for (text, scheme, host, port) in allowed {
        assert!(entry(text).allows(scheme, host, port), "{text} should allow {scheme}://{host}:{port}");
    }
}

#[test]
fn what_entries_do_not_allow() {
    let denied = [
        ("https://api.example.com", "http", "api.example.com", 443),
        ("https://api.example.com", "https", "api.example.com", 8443),
        ("https://api.example.com", "https", "evil-api.example.com", 443),
        ("https://api.example.com", "https", "api.example.com.evil.test", 443),
        ("https://api.example.com", "https", "api.example.com..", 443),
        ("https://*.example.com", "https", "example.com", 443),
        ("https://*.example.com", "https", ".example.com", 443),
        ("https://*.example.com", "https", "evilexample.com", 443),
        ("https://example.com:8000..8100", "https", "example.com", 8100),
        ("https://example.com:8000..8100", "https", "example.com", 7999),
        ("*://*:*", "ftp", "example.com", 21),
        ("http://10.0.0.0/8", "http", "11.0.0.1", 80),
        ("http://10.0.0.0/8", "http", "ten.example.com", 80),
        ("http://10.0.0.1", "http", "0xa.0.0.1", 80),
        ("http://[::1]", "http", "::2", 80),
    ];
    for (text, scheme, host, port) in denied {
        assert!(!entry(text).allows(scheme, host, port), "{text} should not allow {scheme}://{host}:{port}");
    }
}

#[test]
fn each_mistake_has_its_own_sentence() {
    let mistakes = [
        ("", "it is empty"),
        ("https://", "it is empty"),
        ("*", "\"*://*:*\""),
        ("insecure:allow-all", "\"*://*:*\""),
        ("api.example.com", "has no scheme; write \"https://api.example.com\""),
        ("postgres://db.example.com", "`postgres` is not a valid scheme"),
        ("{http,https}://example.com", "is not a valid scheme"),
        ("https://me:secret@example.com", "contains a user"),
        ("https://example.com/v1", "a path or query, `/v1`"),
        ("https://example.com?x", "a path or query, `?x`"),
        ("https://10.0.0.0/8/v1", "a path or query, `/8/v1`"),
        ("https://10.0.0.0/8:443/v1", "a path or query, `/v1`"),
        ("*://example.com", "the scheme * has no default port"),
        ("https://example.com:", "`` is not a valid port"),
        ("https://example.com:0", "`0` is not a valid port"),
        ("https://example.com:+80", "`+80` is not a valid port"),
        ("https://example.com:65536", "`65536` is not a valid port"),
        ("https://example.com:http", "`http` is not a valid port"),
        ("https://example.com:80..", "`80..` is not a valid port"),
        ("https://example.com:80..70000", "`80..70000` is not a valid port"),
        ("https://example.com:90..90", "the range of ports `90..90` is empty"),
        ("https://api.*.com", "a wildcard must be the whole host or its first label"),
        ("https://*example.com", "a wildcard must be the whole host or its first label"),
        ("https://*.", "a wildcard must be"),
        ("https://*.10.0.0.1", "a valid address"),
        ("https://:443", "a valid host name"),
        ("https://a..b", "a valid host name"),
        ("https://exa mple.com", "a valid host name"),
        ("https://{{ host }}", "a valid host name"),
        ("https://bücher.example", "xn--"),
        ("https://127.1", "a valid address"),
        ("https://0x7f000001", "a valid address"),
        ("https://10.0.0.5/8", "10.0.0.0/8"),
        ("https://[::1", "a valid address"),
        ("https://[example.com]", "a valid address"),
        ("https://[::1%eth0]", "a valid address"),
        ("https://[10.0.0.1]", "a valid address"),
    ];
    for (text, sentence) in mistakes {
        let error = text.parse::<AllowedHost>().expect_err(text).to_string();
        assert!(error.contains(sentence), "{text:?}: {error}");
    }
}

#[test]
fn an_entry_is_written_so_that_it_reads_back() {
    for text in ENTRIES {
        assert_eq!(entry(&entry(text).to_string()), entry(text), "{text}");
    }
    let written = [
        ("HTTPS://Example.com.:443/", "https://example.com"),
        ("http://example.com:443", "http://example.com:443"),
        ("*://*:*", "*://*:*"),
        ("http://10.0.0.1/32", "http://10.0.0.1"),
        ("http://[::0001]:80..82", "http://[::1]:80..82"),
        ("https://*.Example.com", "https://*.example.com"),
    ];
    for (text, canonical) in written {
        assert_eq!(entry(text).to_string(), canonical);
    }
}

#[test]
fn what_an_entry_covers_it_allows() {
    let hosts = [
        "api.example.com",
        "example.com",
        "x.api.example.com",
        "10.1.2.3",
        "[::1]",
        "[2001:db8::9]",
        "localhost",
    ];
    let ports = [80, 443, 445, 8080, 65535];
    let mut covered = 0;
    for (wide, narrow) in ENTRIES.iter().flat_map(|wide| ENTRIES.iter().map(move |narrow| (wide, narrow))) {
        let places = ["http", "https"].into_iter().flat_map(|scheme| {
            hosts.into_iter().flat_map(move |host| ports.into_iter().map(move |port| (scheme, host, port)))
        });
        if entry(wide).covers(&entry(narrow)) {
            covered += 1;
            for (scheme, host, port) in places {
                let narrow = entry(narrow).allows(scheme, host, port);
                assert!(!narrow || entry(wide).allows(scheme, host, port), "{wide} {scheme} {host} {port}");
            }
        } else {
            assert_ne!(wide, narrow);
        }
    }
    assert!(covered > ENTRIES.len() * 2, "{covered}");
}

#[test]
fn what_an_entry_does_not_cover() {
    let pairs = [
        ("https://example.com", "*://example.com:443"),
        ("https://*.example.com", "https://example.com"),
        ("https://api.example.com", "https://*.example.com"),
        ("https://*.api.example.com", "https://*.example.com"),
        ("https://*.example.com", "https://*:443"),
        ("https://example.com:80..90", "https://example.com:85..95"),
        ("https://10.0.0.0/16", "https://10.0.0.0/8"),
        ("https://[::/0]", "https://10.0.0.1"),
    ];
    for (wide, narrow) in pairs {
        assert!(!entry(wide).covers(&entry(narrow)), "{wide} {narrow}");
    }
}
