//! The host of a URL.

use std::net::Ipv6Addr;

use super::{percent, punycode};
use crate::quickjs::lower_case;

/// The host in its standard form. `None` if it is not valid.
pub(super) fn host(text: &str, is_special: bool) -> Option<String> {
    if let Some(address) = text.strip_prefix('[') {
        return address.strip_suffix(']')?.parse().ok().map(ipv6);
    }
    if !is_special {
        let is_forbidden = text.bytes().any(|byte| b"\0\t\n\r #/:<>?@[\\]^|".contains(&byte));
        return (!is_forbidden).then(|| percent::encode(text, percent::CONTROLS));
    }
    let decoded = String::from_utf8(percent::decode(text.as_bytes())).ok()?;
    let domain = ascii(&decoded)?;
    let is_forbidden =
        domain.bytes().any(|byte| byte <= 0x20 || byte == 0x7f || b"\"#%/:<>?@[\\]^`{|}".contains(&byte));
    if domain.is_empty() || is_forbidden {
        return None;
    }
    if ends_in_number(&domain) { ipv4(&domain) } else { Some(domain) }
}

fn ascii(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_ascii_lowercase());
    }
    // The full stops of other scripts.
    let domain = lower_case(domain).replace(['\u{3002}', '\u{ff0e}', '\u{ff61}'], ".");
    let labels = domain.split('.').map(|label| match label.is_ascii() {
        true => Some(label.to_owned()),
        false => punycode::encode(label).map(|code| format!("xn--{code}")),
    });
    labels.collect::<Option<Vec<String>>>().map(|labels| labels.join("."))
}

fn ends_in_number(domain: &str) -> bool {
    let last = domain.strip_suffix('.').unwrap_or(domain).rsplit('.').next().unwrap_or_default();
    (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())) || number(last).is_some()
}

/// A part of an address: decimal, octal or hexadecimal.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, radix).ok() }
}

fn ipv4(domain: &str) -> Option<String> {
    let parts: Vec<&str> = domain.strip_suffix('.').unwrap_or(domain).split('.').collect();
    let numbers = parts.iter().map(|part| number(part)).collect::<Option<Vec<u64>>>()?;
    let (last, others) = numbers.split_last()?;
    let others_fit = others.len() <= 3 && others.iter().all(|number| *number <= 255);
    if !others_fit || *last >= 256_u64.pow(u32::try_from(4 - others.len()).ok()?) {
        return None;
    }
    let mut address = *last;
    for (place, number) in others.iter().enumerate() {
        address += number << (8 * (3 - place));
    }
    let byte = |shift: u32| (address >> shift) & 255;
    Some(format!("{}.{}.{}.{}", byte(24), byte(16), byte(8), byte(0)))
}

/// The longest row of zeros becomes `::`.
fn ipv6(address: Ipv6Addr) -> String {
    let pieces = address.segments();
    let (mut longest, mut run) = ((0, 0), (0, 0));
    for (place, piece) in pieces.iter().enumerate() {
        run = match (*piece, run) {
            (0, (_, 0)) => (place, 1),
            (0, (start, length)) => (start, length + 1),
            _ => (0, 0),
        };
        if run.1 > longest.1 {
            longest = run;
        }
    }
    let hex = |pieces: &[u16]| pieces.iter().map(|piece| format!("{piece:x}")).collect::<Vec<_>>().join(":");
    let (start, length) = longest;
    match length > 1 {
        true => format!("[{}::{}]", hex(&pieces[..start]), hex(&pieces[start + length..])),
        false => format!("[{}]", hex(&pieces)),
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts_have_one_form() {
        for (text, expected) in [
            ("EXAMPLE.com", Some("example.com")),
            ("ex%41mple.com", Some("example.com")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("127.1", Some("127.0.0.1")),
            ("0x7f.0.0.01", Some("127.0.0.1")),
            ("4294967295", Some("255.255.255.255")),
            ("4294967296", None),
            ("256.0.0.1", None),
            ("1.2.3.4.5", None),
            ("a.09", None),
            ("[::1]", Some("[::1]")),
            ("[1:0:0:2:0:0:0:3]", Some("[1:0:0:2::3]")),
            ("[::ffff:1.2.3.4]", Some("[::ffff:102:304]")),
            ("[1]", None),
            ("a b", None),
            ("a%00b", None),
            ("", None),
        ] {
            assert_eq!(host(text, true).as_deref(), expected, "{text}");
        }
        assert_eq!(host("Some%41Thing", false).as_deref(), Some("Some%41Thing"));
        assert_eq!(host("a<b", false), None);
    }
}
