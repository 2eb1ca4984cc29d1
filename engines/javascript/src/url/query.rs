//! The parameters of a query: `application/x-www-form-urlencoded`.

use super::percent;

/// The pairs of a query.
pub(crate) fn parse(query: &str) -> Vec<(String, String)> {
    let text = |part: &str| {
        String::from_utf8_lossy(&percent::decode(part.replace('+', " ").as_bytes())).into_owned()
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// Appends a pair to a query.
pub(crate) fn append(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    encode(query, name);
    query.push('=');
    encode(query, value);
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'*' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => percent::push(out, byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_written() {
        let pairs = parse("a=1&b=%C3%A4+%26&&c&=d&e=f=g");
        let written: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}>{value}")).collect();
        assert_eq!(written, ["a>1", "b>ä &", "c>", ">d", "e>f=g"]);
        let mut query = String::new();
        for (name, value) in &pairs {
            append(&mut query, name, value);
        }
        assert_eq!(query, "a=1&b=%C3%A4+%26&c=&=d&e=f%3Dg");
    }
}
