//! `headers`, `query` and `basic` of a credential: where secrets go in a request.

use std::collections::BTreeMap;

use hyper::header::{AUTHORIZATION, HeaderName};

use crate::policy::manifest::document::{Entry, Table};
use crate::policy::manifest::secrets::Secrets;
use crate::policy::manifest::template::{Names, template, texts};
use crate::policy::{Basic, SecretParts, Template};

/// The keys of `basic`.
pub(in crate::policy::manifest) const BASIC: [&str; 2] = ["user", "password"];

/// Headers that belong to the connection and to the framing of a message.
const OF_THE_CONNECTION: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Reads the three keys.
pub(super) fn parts(table: &Table<'_>, secrets: &Secrets) -> SecretParts {
    let read = |key: &str, example: &str, check: fn(&str) -> Result<Box<str>, String>| {
        table.table(key, example).map(|table| named(&table, secrets, check)).unwrap_or_default()
    };
    let headers = read("headers", "{ authorization = \"Bearer {stripe}\" }", header);
    let query = read("query", "{ key = \"{maps}\" }", parameter);
    let basic = table.entry("basic");
    if let Some(entry) = basic.as_ref().filter(|_| headers.contains_key(AUTHORIZATION.as_str())) {
        entry.mistake(
            "`basic` is the header `authorization`, which `headers` sets, too; leave one of them out",
        );
    }
    SecretParts { headers, query, basic: basic.and_then(|entry| basic_of(&entry, secrets)) }
}

/// The templates of a table, by the names that `check` makes of its keys.
fn named(
    table: &Table<'_>,
    secrets: &Secrets,
    check: fn(&str) -> Result<Box<str>, String>,
) -> BTreeMap<Box<str>, Template> {
    let mut named = BTreeMap::new();
    for entry in table.entries() {
        let name = entry.understood(check(entry.key));
        let value = value(&entry, secrets);
        if let Some((name, value)) = name.zip(value)
            && named.insert(name.value, value).is_some()
        {
            entry.mistake("this is there already, in other case; leave one of them out");
        }
    }
    named
}

fn basic_of(entry: &Entry<'_>, secrets: &Secrets) -> Option<Basic> {
    let table = entry.table("{ user = \"shop\", password = \"{key}\" }")?;
    table.only(&BASIC, |_| None);
    let Some(user) = table.entry("user") else {
        entry.mistake("the key `user` is missing; expected user = \"{key}\", for example");
        return None;
    };
    let password = match table.entry("password") {
        Some(entry) => value(&entry, secrets)?,
        None => Template { parts: Vec::new() },
    };
    let template = value(&user, secrets)?;
    if texts(&template).any(|text| text.contains(':')) {
        user.mistake("a user cannot contain a colon, which ends it");
    }
    Some(Basic { user: template, password })
}

/// A template whose texts a header can have.
fn value(entry: &Entry<'_>, secrets: &Secrets) -> Option<Template> {
    let text = entry.string("a string, such as \"Bearer {stripe}\"")?;
    let template = entry.understood(template(text, Names::Secrets(secrets)))?.value;
    if texts(&template).any(|text| !text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))) {
        entry.mistake(
            "it contains the end of a line, another control character, or a character outside of ASCII",
        );
        return None;
    }
    Some(template)
}

/// The name of a header that a credential may set, in lower case.
fn header(name: &str) -> Result<Box<str>, String> {
    let header = HeaderName::from_bytes(name.as_bytes());
    let header = header.map_err(|_| format!("{name:?} is not a valid header name"))?;
    // Many servers read `transfer_encoding` as `transfer-encoding`.
    let read_as = header.as_str().replace(|sign: char| !sign.is_ascii_alphanumeric(), "-");
    if OF_THE_CONNECTION.contains(&read_as.as_str()) || read_as.starts_with("proxy-") {
        return Err(format!("`{header}` belongs to the connection, and cannot be set"));
    }
    Ok(header.as_str().into())
}

/// The name of a parameter of a query.
fn parameter(name: &str) -> Result<Box<str>, String> {
    match name.is_empty() || name.contains(char::is_control) {
        true => Err(format!("{name:?} is not the name of a parameter")),
        false => Ok(name.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_connection_cannot_be_set() {
        for name in ["Authorization", "x-api-key", "cookie", "x-amz-acl"] {
            assert_eq!(header(name), Ok(name.to_ascii_lowercase().into()));
        }
        for name in [
            "Host",
            "content-length",
            "content_length",
            "transfer-encoding",
            "Transfer.Encoding",
            "connection",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
            "expect",
            "proxy-authorization",
        ] {
            assert!(header(name).unwrap_err().contains("belongs to the connection"), "{name}");
        }
        for name in ["", "a b", "a:b", "a\n", "é"] {
            assert!(header(name).unwrap_err().contains("is not a valid header name"), "{name}");
        }
    }
}
