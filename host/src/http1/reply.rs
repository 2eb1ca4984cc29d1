//! The head of a reply, and where its body ends (RFC 9112).

use std::mem::MaybeUninit;

use bytes::Bytes;
use hyper::StatusCode;

use super::headers::Headers;

/// All headers together. Those of an event, including client context and identity, may have up to 1 MB (R1.11).
pub(crate) const MAX_HEADERS: usize = 1024 * 1024;
/// The most headers of a reply. Lambda sends about ten.
const MOST_HEADERS: usize = 128;
/// The longest line with the size of a chunk.
const LONGEST_CHUNK_LINE: usize = 4 * 1024;
/// The longest start of a head that is parsed before its end has arrived.
const LONGEST_CHECKED_START: usize = 4 * 1024;

/// The bytes are not a reply.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// Its head is not HTTP/1.1.
    #[error("the reply is not HTTP")]
    Http(#[from] httparse::Error),
    /// Its framing is not valid, so the end of its body is not known.
    #[error("the framing of the reply is not valid: {0}")]
    Framing(&'static str),
    /// Headers without an end.
    #[error("the headers of the reply have more than {MAX_HEADERS} bytes")]
    HeadersTooLarge,
}

/// The status line and headers of a reply.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: Headers,
    /// HTTP/1.1, and not 1.0.
    is_current: bool,
}

/// Where the body ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// After this many bytes.
    Sized(usize),
    /// After the last chunk.
    Chunked,
    /// Where the connection is closed.
    UntilClosed,
}

impl Head {
    pub(crate) fn parse(head: &Bytes) -> Result<Self, ReplyError> {
        // To set 128 headers to nothing takes longer than to read the ten that there are.
        let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            head,
            &mut headers,
        )?;
        let status = status_of(&response)?;
        let is_current = response.version == Some(1);
        let headers = Headers::new(head.clone(), response.headers);
        Ok(Self { status, headers, is_current })
    }

    /// Whether the connection may be used again.
    pub(crate) fn keeps_alive(&self) -> bool {
        let says = |what: &str| self.lists("connection", what);
        !says("close") && (self.is_current || says("keep-alive"))
    }

    /// How the end of the body is found (RFC 9112, section 6.3).
    pub(crate) fn body(&self) -> Result<Body, ReplyError> {
        if matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Ok(Body::Sized(0));
        }
        if let Some(coding) = self.headers.all("transfer-encoding").last() {
            let is_chunked = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
            return match is_chunked && self.headers.all("transfer-encoding").count() == 1 {
                true => Ok(Body::Chunked),
                false => Err(ReplyError::Framing("the transfer coding of the body is not supported")),
            };
        }
        let mut lengths = self.headers.all("content-length");
        let Some(length) = lengths.next() else { return Ok(Body::UntilClosed) };
        if lengths.any(|other| other != length) {
            return Err(ReplyError::Framing("two headers give the body different lengths"));
        }
        // Digits only: `parse` would take a sign.
        let digits =
            std::str::from_utf8(length).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length = digits.and_then(|text| text.parse().ok());
        length.map(Body::Sized).ok_or(ReplyError::Framing("the length of the body is not a number"))
    }

    /// Whether a header with a list contains this word.
    fn lists(&self, name: &str, word: &str) -> bool {
        let mut words = self.headers.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        words.any(|found| found.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// Whether another head follows. Nobody asks for another protocol (101), so that is a final reply.
pub(crate) fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

/// The status of a reply that begins with these bytes. Its head has arrived.
pub(crate) fn status(bytes: &[u8]) -> Result<StatusCode, ReplyError> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(bytes)?;
    status_of(&response)
}

fn status_of(response: &httparse::Response<'_, '_>) -> Result<StatusCode, ReplyError> {
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    status.ok_or(ReplyError::Framing("the status is not a number from 100 to 999"))
}

/// The position where the head at the start of `bytes` ends, or `None` if its end has not arrived. No end
/// lies before `from`.
pub(crate) fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let searched = bytes.get(from..)?;
    let mut ends = memchr::memchr_iter(b'\n', searched);
    ends.find_map(|end| match searched.get(end + 1..)? {
        [b'\n', ..] => Some(from + end + 2),
        [b'\r', b'\n', ..] => Some(from + end + 3),
        _ => None,
    })
}

/// Checks the start of a head whose end has not arrived. Without this check, a server that does not speak HTTP and waits
/// for the client would be waited for without end.
pub(crate) fn check_start(bytes: &[u8]) -> Result<(), ReplyError> {
    // A longer start was checked when it was shorter, and its end may be far away.
    if (1..=LONGEST_CHECKED_START).contains(&bytes.len()) {
        httparse::Response::new(&mut [httparse::EMPTY_HEADER; MOST_HEADERS]).parse(bytes)?;
    }
    check_length(bytes.len())
}

/// Rejects a head of more than [`MAX_HEADERS`] bytes.
fn check_length(head: usize) -> Result<(), ReplyError> {
    if head > MAX_HEADERS { Err(ReplyError::HeadersTooLarge) } else { Ok(()) }
}

/// The length of a line, including its line break, and its content; `None` if the line has not arrived
/// completely.
pub(crate) type Line<T> = Result<Option<(usize, T)>, ReplyError>;

/// The line with the size of a chunk.
pub(crate) fn chunk_size(bytes: &[u8]) -> Line<usize> {
    const ODD: ReplyError = ReplyError::Framing("the size of a chunk is not a number");
    // The parser takes a line without digits for the last chunk.
    if bytes.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
        return Err(ODD);
    }
    match httparse::parse_chunk_size(bytes).map_err(|_| ODD)? {
        httparse::Status::Complete((length, size)) => {
            let size = usize::try_from(size).map_err(|_| ReplyError::Framing("a chunk is too large"))?;
            Ok(Some((length, size)))
        }
        httparse::Status::Partial if bytes.len() > LONGEST_CHUNK_LINE => Err(ODD),
        httparse::Status::Partial => Ok(None),
    }
}

/// The line break after a chunk.
pub(crate) fn line_end(bytes: &[u8]) -> Line<()> {
    match bytes {
        [b'\r', b'\n', ..] => Ok(Some((2, ()))),
        [] | [b'\r'] => Ok(None),
        _ => Err(ReplyError::Framing("a chunk is longer than its stated size")),
    }
}

/// A line after the last chunk; true for the empty line that ends the body. Trailers are ignored.
pub(crate) fn trailer(bytes: &[u8]) -> Line<bool> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => Ok(Some((at + 1, bytes.get(..at).unwrap_or_default().trim_ascii().is_empty()))),
        None => check_length(bytes.len()).map(|()| None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Head, ReplyError> {
        Head::parse(&Bytes::copy_from_slice(text.as_bytes()))
    }

    fn body(headers: &str) -> Result<Body, ReplyError> {
        head(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n")).unwrap().body()
    }

    #[test]
    fn a_head_ends_with_an_empty_line_wherever_the_search_begins() {
        for (bytes, end) in [
            (&b"HTTP/1.1 200 OK\r\na: b\r\n\r\nbody"[..], Some(25)),
            (b"HTTP/1.1 200 OK\n\nbody", Some(17)),
            (b"HTTP/1.1 200 OK\r\na: b\r\n\r", None),
            (b"HTTP/1.1 200 OK\r\n", None),
            (b"", None),
        ] {
            assert_eq!(end_of_head(bytes, 0), end);
            for from in 0..end.unwrap_or(0).saturating_sub(3) {
                assert_eq!(end_of_head(bytes, from), end, "from {from}");
            }
        }
        assert_eq!(end_of_head(b"abc", 7), None);
    }

    #[test]
    fn the_body_ends_where_the_headers_say() {
        for (headers, expected) in [
            ("Content-Length: 17\r\n", Body::Sized(17)),
            ("content-length: 17\r\nContent-Length: 17\r\n", Body::Sized(17)),
            ("transfer-encoding: Chunked\r\ncontent-length: 17\r\n", Body::Chunked),
            ("", Body::UntilClosed),
        ] {
            assert_eq!(body(headers).unwrap(), expected, "{headers}");
        }
        let none = head("HTTP/1.1 204 No Content\r\ncontent-length: 17\r\n\r\n").unwrap().body();
        assert_eq!(none.unwrap(), Body::Sized(0));
    }

    #[test]
    fn what_does_not_say_where_is_an_error() {
        for headers in [
            "content-length: +17\r\n",
            "content-length: 99999999999999999999999\r\n",
            "content-length: 1\r\ncontent-length: 2\r\n",
            "content-length: \r\n",
            "transfer-encoding: gzip\r\n",
            "transfer-encoding: gzip, chunked\r\n",
            "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
        ] {
            assert!(matches!(body(headers), Err(ReplyError::Framing(_))), "{headers}");
        }
    }

    #[test]
    fn a_connection_is_kept_unless_one_side_cannot() {
        for (text, keeps_alive) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(head(text).unwrap().keeps_alive(), keeps_alive, "{text}");
        }
        assert!(is_interim(status(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap()));
        assert!(!is_interim(status(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap()));
    }

    #[test]
    fn what_is_not_http_is_an_error() {
        for text in
            ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 two OK\r\n\r\n", "HTTP/1.1 099 Odd\r\n\r\n", "\r\n\r\n\r\n"]
        {
            assert!(head(text).is_err(), "{text}");
        }
        let many = "a: b\r\n".repeat(MOST_HEADERS + 1);
        assert!(head(&format!("HTTP/1.1 200 OK\r\n{many}\r\n")).is_err());
    }

    #[test]
    fn what_cannot_become_http_is_known_before_its_end() {
        for start in ["", "HT", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\na: "] {
            assert!(check_start(start.as_bytes()).is_ok(), "{start}");
        }
        for start in ["SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 two", "HTTP/1.1 200 OK\r\na b\r\n"] {
            assert!(matches!(check_start(start.as_bytes()), Err(ReplyError::Http(_))), "{start}");
        }
    }

    #[test]
    fn lines_between_chunks() {
        assert_eq!(chunk_size(b"1f;x=y\r\nrest").unwrap(), Some((8, 31)));
        assert_eq!(chunk_size(b"1f").unwrap(), None);
        for odd in [&b"x\r\n"[..], b"\r\n", b";x\r\n"] {
            assert!(chunk_size(odd).is_err());
        }
        assert!(chunk_size(b"fffffffffffffffff\r\n").is_err());
        assert!(chunk_size(&[b'0'; LONGEST_CHUNK_LINE + 1]).is_err());
        assert_eq!((line_end(b"\r\nx").unwrap(), line_end(b"\r").unwrap()), (Some((2, ())), None));
        assert!(line_end(b"xx").is_err());
        assert_eq!(trailer(b"a: b\r\n\r\n").unwrap(), Some((6, false)));
        assert_eq!((trailer(b"\r\n").unwrap(), trailer(b"a").unwrap()), (Some((2, true)), None));
    }

    #[test]
    fn nothing_grows_without_end() {
        assert!(check_length(MAX_HEADERS).is_ok() && check_length(MAX_HEADERS + 1).is_err());
        assert!(trailer(&[b'a'; MAX_HEADERS + 1]).is_err());
    }
}
