//! Just enough HTTP/1.1 to see and to send every byte: no client or server library smooths anything over.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// Header names as they were written, values as raw bytes.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// The first value under `name`, in whatever case it was written.
pub(crate) fn find<'a>(headers: &'a Headers, name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
}

/// A message as it came in: `start` is method and target, or status and reason.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) start: (String, String),
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    /// When the last byte of the body had been read.
    pub(crate) read: Instant,
}

/// Reads messages off one connection, keeping what belongs to the next one.
pub(crate) struct Reader {
    stream: TcpStream,
    ahead: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    /// The next request, or `None` where the peer closed the connection between two of them.
    pub(crate) fn request(&mut self) -> io::Result<Option<Message>> {
        self.message(|bytes| {
            let mut slots = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Request::new(&mut slots);
            match head.parse(bytes).map_err(invalid)? {
                httparse::Status::Partial => Ok(None),
                httparse::Status::Complete(length) => {
                    let start = (head.method.unwrap_or("").to_owned(), head.path.unwrap_or("").to_owned());
                    Ok(Some((length, start, owned(head.headers))))
                }
            }
        })
    }

    /// The next response, or `None` where the peer closed the connection before it.
    pub(crate) fn response(&mut self) -> io::Result<Option<Message>> {
        self.message(|bytes| {
            let mut slots = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Response::new(&mut slots);
            match head.parse(bytes).map_err(invalid)? {
                httparse::Status::Partial => Ok(None),
                httparse::Status::Complete(length) => {
                    let start = (head.code.unwrap_or(0).to_string(), head.reason.unwrap_or("").to_owned());
                    Ok(Some((length, start, owned(head.headers))))
                }
            }
        })
    }

    fn message(&mut self, parse: impl Fn(&[u8]) -> io::Result<Option<Head>>) -> io::Result<Option<Message>> {
        let (length, start, headers) = loop {
            if let Some(head) = parse(&self.ahead)? {
                break head;
            }
            if self.more()? == 0 {
                return if self.ahead.is_empty() { Ok(None) } else { Err(cut_short()) };
            }
        };
        self.ahead.drain(..length);
        let body = self.body(&headers)?;
        Ok(Some(Message { start, headers, body, read: Instant::now() }))
    }

    fn body(&mut self, headers: &Headers) -> io::Result<Vec<u8>> {
        if find(headers, "transfer-encoding").is_some() {
            return self.chunks();
        }
        let length = match find(headers, "content-length") {
            None => 0,
            Some(value) => {
                std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or_else(cut_short)?
            }
        };
        while self.ahead.len() < length {
            if self.more()? == 0 {
                return Err(cut_short());
            }
        }
        Ok(self.ahead.drain(..length).collect())
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            match httparse::parse_chunk_size(&self.ahead).map_err(|_| cut_short())? {
                httparse::Status::Complete((head, size)) => {
                    let size = usize::try_from(size).map_err(invalid)?;
                    while self.ahead.len() < head + size + 2 {
                        if self.more()? == 0 {
                            return Err(cut_short());
                        }
                    }
                    body.extend_from_slice(&self.ahead[head..head + size]);
                    self.ahead.drain(..head + size + 2);
                    if size == 0 {
                        return Ok(body);
                    }
                }
                httparse::Status::Partial if self.more()? > 0 => {}
                httparse::Status::Partial => return Err(cut_short()),
            }
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 64 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.ahead.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    /// Whether the peer is still there, without waiting and without losing a byte.
    pub(crate) fn is_open(&self) -> bool {
        if !self.ahead.is_empty() {
            return true;
        }
        self.stream.set_nonblocking(true).expect("switch to nonblocking");
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).expect("switch to blocking");
        match peeked {
            Ok(count) => count > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }
}

type Head = (usize, (String, String), Headers);

fn owned(headers: &[httparse::Header<'_>]) -> Headers {
    headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect()
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the message was cut short or has no length")
}

/// A whole message as bytes, with the length of its body.
pub(crate) fn encode(start: &str, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{start}\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// `%XX` undone, byte for byte.
pub(crate) fn percent_decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        decoded.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    decoded
}
