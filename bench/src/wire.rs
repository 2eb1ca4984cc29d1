//! A minimal HTTP/1.1 for a server that must cost less than what it measures, and for the floor, which must
//! cost nothing.
//!
//! A message is read into a buffer that is kept, and its body is used in place. Head and body are written
//! with one call, without a copy.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::ops::Range;

/// Enough for a head, and for small bodies.
const ROOM: usize = 64 * 1024;

/// The kind of body that a message's headers announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// A number of bytes.
    Sized(usize),
    /// Chunks, up to an empty one.
    Chunked,
}

impl Body {
    /// The body that these headers announce.
    ///
    /// # Errors
    /// If the length is not valid.
    pub fn announced(headers: &[httparse::Header<'_>]) -> io::Result<Self> {
        if find(headers, "transfer-encoding").is_some() {
            return Ok(Self::Chunked);
        }
        let Some(length) = find(headers, "content-length") else { return Ok(Self::Sized(0)) };
        let length = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
        length.map(Self::Sized).ok_or_else(|| invalid("the Content-Length is not a number"))
    }
}

/// The value of the first header with this name, in upper or lower case.
pub fn find<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// The bytes that were read from a connection and not taken yet.
#[derive(Debug)]
pub struct Inbox {
    buffer: Vec<u8>,
    filled: Range<usize>,
    decoded: Vec<u8>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { buffer: vec![0; ROOM], filled: 0..0, decoded: Vec::new() }
    }
}

impl Inbox {
    /// Waits for a head, and returns the result of `parse`, which also determines its length; or `None` if
    /// the peer closed the connection before it.
    ///
    /// # Errors
    /// If the connection breaks, or the head is not valid.
    pub fn head<T>(
        &mut self,
        stream: &TcpStream,
        parse: impl Fn(&[u8]) -> io::Result<Option<(usize, T)>>,
    ) -> io::Result<Option<T>> {
        loop {
            if !self.filled.is_empty()
                && let Some((length, head)) = parse(&self.buffer[self.filled.clone()])?
            {
                self.filled.start += length;
                return Ok(Some(head));
            }
            if self.more(stream)? == 0 {
                return if self.filled.is_empty() { Ok(None) } else { Err(cut_short()) };
            }
        }
    }

    /// Waits for the rest of a body, and returns it.
    ///
    /// # Errors
    /// If the connection breaks, or ends within the body.
    pub fn body(&mut self, stream: &TcpStream, body: Body) -> io::Result<&[u8]> {
        match body {
            Body::Sized(length) => {
                let taken = self.sized(stream, length)?;
                Ok(&self.buffer[taken])
            }
            Body::Chunked => self.chunks(stream),
        }
    }

    fn sized(&mut self, stream: &TcpStream, length: usize) -> io::Result<Range<usize>> {
        self.make_room(length);
        while self.filled.len() < length {
            if self.more(stream)? == 0 {
                return Err(cut_short());
            }
        }
        let taken = self.filled.start..self.filled.start + length;
        self.filled.start = taken.end;
        Ok(taken)
    }

    fn chunks(&mut self, stream: &TcpStream) -> io::Result<&[u8]> {
        self.decoded.clear();
        loop {
            match httparse::parse_chunk_size(&self.buffer[self.filled.clone()]) {
                Ok(httparse::Status::Complete((head, size))) => {
                    let size = usize::try_from(size).map_err(|_| invalid("a chunk without end"))?;
                    self.filled.start += head;
                    let taken = self.sized(stream, size + 2)?;
                    self.decoded.extend_from_slice(&self.buffer[taken.start..taken.end - 2]);
                    if size == 0 {
                        return Ok(&self.decoded);
                    }
                }
                Ok(httparse::Status::Partial) if self.more(stream)? > 0 => {}
                Ok(httparse::Status::Partial) => return Err(cut_short()),
                Err(_) => return Err(invalid("a chunk without a size")),
            }
        }
    }

    /// Makes room for a number of bytes in one piece, with the existing bytes at its start.
    fn make_room(&mut self, length: usize) {
        if self.filled.is_empty() {
            self.filled = 0..0;
        }
        if self.buffer.len() - self.filled.start < length {
            self.buffer.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        if self.buffer.len() < length {
            self.buffer.resize(length + ROOM, 0);
        }
    }

    fn more(&mut self, mut stream: &TcpStream) -> io::Result<usize> {
        if self.filled.end == self.buffer.len() || self.filled.is_empty() {
            self.make_room(self.filled.len() + 1);
        }
        let count = stream.read(&mut self.buffer[self.filled.end..])?;
        self.filled.end += count;
        Ok(count)
    }
}

/// Writes a head and a body.
///
/// # Errors
/// If the connection breaks.
pub fn send(mut stream: &TcpStream, head: &[u8], body: &[u8]) -> io::Result<()> {
    let sent = stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)])?;
    match sent.checked_sub(head.len()) {
        Some(of_body) => stream.write_all(&body[of_body..]),
        None => {
            stream.write_all(&head[sent..])?;
            stream.write_all(body)
        }
    }
}

/// An error for data that a peer must not send.
pub fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the message was cut short")
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    fn response(bytes: &[u8]) -> io::Result<Option<(usize, Body)>> {
        let mut slots = [httparse::EMPTY_HEADER; 8];
        let mut head = httparse::Response::new(&mut slots);
        match head.parse(bytes).map_err(|_| invalid("no response"))? {
            httparse::Status::Partial => Ok(None),
            httparse::Status::Complete(length) => Ok(Some((length, Body::announced(head.headers)?))),
        }
    }

    fn read_all(stream: &TcpStream) -> io::Result<Vec<Vec<u8>>> {
        let mut inbox = Inbox::default();
        let mut bodies = Vec::new();
        while let Some(body) = inbox.head(stream, response)? {
            bodies.push(inbox.body(stream, body)?.to_vec());
        }
        Ok(bodies)
    }

    #[test]
    fn messages_of_all_sizes_come_through() {
        let (sender, receiver) = pair();
        let bodies: Vec<Vec<u8>> =
            [3, 0, 3 * ROOM + 1, 1, ROOM, ROOM - 1].iter().map(|size| vec![b'x'; *size]).collect();
        let sent = bodies.clone();
        let sending = thread::spawn(move || {
            for body in &sent {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                send(&sender, head.as_bytes(), body).unwrap();
            }
        });
        assert!(read_all(&receiver).unwrap() == bodies);
        sending.join().unwrap();
    }

    #[test]
    fn chunks_are_put_together() {
        let (mut sender, receiver) = pair();
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        sender.write_all(&[&chunked[..], b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nf"].concat()).unwrap();
        drop(sender);
        assert_eq!(read_all(&receiver).unwrap(), [b"abcde".to_vec(), b"f".to_vec()]);
    }

    #[test]
    fn half_a_message_is_an_error() {
        for half in ["HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"] {
            let (mut sender, receiver) = pair();
            sender.write_all(half.as_bytes()).unwrap();
            drop(sender);
            assert_eq!(read_all(&receiver).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn a_length_must_be_a_number() {
        let header = httparse::Header { name: "content-LENGTH", value: b"five" };
        assert!(Body::announced(&[header]).is_err());
    }
}
