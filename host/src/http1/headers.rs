//! The headers of a reply. They stay in the bytes that were received, and a header is copied only when it is
//! needed.

use std::ops::Range;

use bytes::Bytes;
use hyper::header::HeaderValue;

/// The headers of a reply.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    head: Bytes,
    fields: Vec<Field>,
}

/// The positions of one header in the head.
#[derive(Debug, Clone)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Headers {
    /// Takes the positions from a parsed head.
    pub(crate) fn new(head: Bytes, parsed: &[httparse::Header<'_>]) -> Self {
        let start = head.as_ptr() as usize;
        let place = |part: &[u8]| {
            let from = (part.as_ptr() as usize).saturating_sub(start);
            from..from + part.len()
        };
        let field = |header: &httparse::Header<'_>| Field {
            name: place(header.name.as_bytes()),
            value: place(header.value),
        };
        Self { fields: parsed.iter().map(field).collect(), head }
    }

    /// The first header of this name; case does not matter. Its bytes need not be UTF-8 (R1.10).
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let field = self.fields.iter().find(|field| self.is_called(field, name))?;
        self.head.get(field.value.clone())
    }

    /// The first header of this name, as a value that can be sent back, byte for byte.
    pub fn value(&self, name: &str) -> Option<HeaderValue> {
        let bytes = self.get(name).map(|value| self.head.slice_ref(value))?;
        HeaderValue::from_maybe_shared(bytes).ok()
    }

    /// All headers of this name, in the order in which they came.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields.iter().filter(move |field| self.is_called(field, name));
        fields.filter_map(|field| self.head.get(field.value.clone()))
    }

    fn is_called(&self, field: &Field, name: &str) -> bool {
        self.head.get(field.name.clone()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// For tests: the headers of a head without a body.
#[cfg(test)]
impl FromIterator<(&'static str, Vec<u8>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'static str, Vec<u8>)>>(headers: I) -> Self {
        let mut head = Vec::new();
        let mut fields = Vec::new();
        for (name, value) in headers {
            let start = head.len();
            head.extend_from_slice(name.as_bytes());
            let middle = head.len();
            head.extend_from_slice(&value);
            fields.push(Field { name: start..middle, value: middle..head.len() });
        }
        Self { head: head.into(), fields }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> Headers {
        Headers::from_iter([
            ("Lambda-Runtime-Aws-Request-Id", b"r-1".to_vec()),
            ("x", b"1".to_vec()),
            ("X", b"\xff".to_vec()),
        ])
    }

    #[test]
    fn names_have_no_case_and_the_first_one_counts() {
        let headers = headers();
        assert_eq!(headers.get("lambda-runtime-aws-request-id"), Some(&b"r-1"[..]));
        assert_eq!((headers.get("x"), headers.get("y")), (Some(&b"1"[..]), None));
        assert_eq!(headers.all("x").collect::<Vec<_>>(), [&b"1"[..], b"\xff"]);
    }

    #[test]
    fn a_value_keeps_its_bytes() {
        assert_eq!(headers().value("x").unwrap().as_bytes(), b"1");
        let odd = Headers::from_iter([("x", b"\xff1".to_vec())]);
        assert_eq!(odd.value("X").unwrap().as_bytes(), b"\xff1");
        assert_eq!(odd.value("y"), None);
    }
}
