//! [`ResponseStream`]: the response that a streaming handler writes to.

use std::io::{self, ErrorKind, Write};

use crate::bindings::streaming::bulkhead::lambda::response_stream::{
    self, HttpHead, OpenError, ResponseHead,
};
use crate::bindings::streaming::wasi::io::streams::{OutputStream, StreamError};

/// The content type of a response whose handler sets none.
const BYTES: &str = "application/octet-stream";

/// The response of a [`streaming_handler`](macro@crate::streaming_handler): the caller gets each piece as it
/// is written.
///
/// Set the head before you write the first byte: a content type, or status, headers and cookies if the caller
/// is a function URL or an API that is configured to stream. Afterwards these calls fail.
///
/// A write waits if the caller reads slowly, so a response may be much larger than the sandbox's memory. Each
/// write is sent as a separate piece; wrap the response in [`std::io::BufWriter`] for many small writes, and
/// [`flush`](Write::flush) it when the caller should see them.
///
/// ```
/// use std::io::Write;
///
/// use bulkhead::ResponseStream;
///
/// #[bulkhead::streaming_handler]
/// fn count(to: u32, mut response: ResponseStream) -> Result<(), bulkhead::Error> {
///     response.content_type("text/plain")?;
///     for number in 1..=to {
///         writeln!(response, "{number}")?;
///     }
///     Ok(())
/// }
///
/// let (response, written) = ResponseStream::in_memory();
/// count(3, response).unwrap();
/// assert_eq!(written.body(), b"1\n2\n3\n");
/// assert_eq!(written.content_type().as_deref(), Some("text/plain"));
/// ```
#[derive(Debug)]
pub struct ResponseStream {
    head: ResponseHead,
    to: To,
}

#[derive(Debug)]
enum To {
    /// The host's stream, once the response is open.
    Host(Option<OutputStream>),
    /// A unit test.
    Memory { written: Written, is_open: bool },
}

/// The head and the body that were written to a response [in memory](ResponseStream::in_memory), for unit
/// tests.
///
/// ```
/// use std::io::Write as _;
///
/// use bulkhead::ResponseStream;
///
/// let (mut response, written) = ResponseStream::in_memory();
/// response.write_all(b"one").unwrap();
/// assert_eq!(written.body(), b"one");
/// response.write_all(b", two").unwrap();
/// assert_eq!(written.body(), b"one, two");
/// // This is what a response is unless its handler sets another content type.
/// assert_eq!(written.content_type().as_deref(), Some("application/octet-stream"));
/// assert_eq!(written.status(), None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Written(std::rc::Rc<std::cell::RefCell<(Option<ResponseHead>, Vec<u8>)>>);

impl Written {
    /// The body that was written so far.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.0.borrow().1.clone()
    }

    /// The content type, if the response has begun and is not an HTTP response.
    #[must_use]
    pub fn content_type(&self) -> Option<String> {
        match &self.0.borrow().0 {
            Some(ResponseHead::ContentType(content_type)) => Some(content_type.clone()),
            Some(ResponseHead::Http(_)) | None => None,
        }
    }

    /// The status, if the response has begun and is an HTTP response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &self.0.borrow().0 {
            Some(ResponseHead::Http(head)) => Some(head.status),
            Some(ResponseHead::ContentType(_)) | None => None,
        }
    }
}

impl ResponseStream {
    /// The response of this sandbox's event.
    pub(crate) fn of_event() -> Self {
        Self { head: ResponseHead::ContentType(BYTES.to_owned()), to: To::Host(None) }
    }

    /// A response for a unit test, and a view of what is written to it.
    #[must_use]
    pub fn in_memory() -> (Self, Written) {
        let written = Written::default();
        let to = To::Memory { written: written.clone(), is_open: false };
        (Self { head: ResponseHead::ContentType(BYTES.to_owned()), to }, written)
    }

    /// Sets the content type. In an HTTP response it is the header.
    ///
    /// # Errors
    /// If the first byte was written already.
    pub fn content_type(&mut self, content_type: &str) -> io::Result<()> {
        self.before_the_first_byte()?;
        match &mut self.head {
            ResponseHead::ContentType(before) => content_type.clone_into(before),
            ResponseHead::Http(head) => {
                head.headers.push(("content-type".to_owned(), content_type.to_owned()));
            }
        }
        Ok(())
    }

    /// Makes it an HTTP response with this status.
    ///
    /// ```
    /// use bulkhead::ResponseStream;
    ///
    /// #[bulkhead::streaming_handler]
    /// fn moved(_: (), mut response: ResponseStream) -> std::io::Result<()> {
    ///     response.status(307)?;
    ///     response.header("location", "https://example.com/")
    /// }
    ///
    /// let (response, written) = ResponseStream::in_memory();
    /// moved((), response).unwrap();
    /// assert_eq!((written.status(), written.body()), (Some(307), Vec::new()));
    /// ```
    ///
    /// # Errors
    /// If the first byte was already written.
    pub fn status(&mut self, status: u16) -> io::Result<()> {
        self.http()?.status = status;
        Ok(())
    }

    /// Adds a header, which makes the response an HTTP response; its status is 200 unless you set another.
    ///
    /// # Errors
    /// If the first byte was written already.
    pub fn header(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.http()?.headers.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Adds a cookie, as the value of a `Set-Cookie` header. This makes it an HTTP response.
    ///
    /// ```
    /// # let (mut response, written) = bulkhead::ResponseStream::in_memory();
    /// response.cookie("session=1; HttpOnly; Secure")?;
    /// # drop(response);
    /// # assert_eq!(written.status(), Some(200));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the first byte was already written.
    pub fn cookie(&mut self, cookie: &str) -> io::Result<()> {
        self.http()?.cookies.push(cookie.to_owned());
        Ok(())
    }

    /// Writes all of these bytes, for `async` handlers. While the caller does not read, the whole sandbox
    /// waits.
    ///
    /// ```
    /// use bulkhead::ResponseStream;
    ///
    /// #[bulkhead::streaming_handler]
    /// async fn words(words: Vec<String>, mut response: ResponseStream) -> std::io::Result<()> {
    ///     for word in words {
    ///         response.send(word).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Write::write_all`].
    #[expect(clippy::unused_async, reason = "there is one thread, which can only wait")]
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.write_all(bytes.as_ref())
    }

    fn is_open(&self) -> bool {
        match &self.to {
            To::Host(stream) => stream.is_some(),
            To::Memory { is_open, .. } => *is_open,
        }
    }

    fn before_the_first_byte(&self) -> io::Result<()> {
        if self.is_open() {
            return Err(io::Error::other(
                "the response has begun; set this before the first byte is written",
            ));
        }
        Ok(())
    }

    fn http(&mut self) -> io::Result<&mut HttpHead> {
        self.before_the_first_byte()?;
        if let ResponseHead::ContentType(content_type) = &self.head {
            let headers = match content_type.as_str() {
                BYTES => Vec::new(),
                said => vec![("content-type".to_owned(), said.to_owned())],
            };
            self.head = ResponseHead::Http(HttpHead { status: 200, headers, cookies: Vec::new() });
        }
        match &mut self.head {
            ResponseHead::Http(head) => Ok(head),
            ResponseHead::ContentType(_) => Err(io::Error::other("the response is not an HTTP response")),
        }
    }

    /// Opens the response, unless it is open.
    fn open(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Host(Some(_)) | To::Memory { is_open: true, .. } => Ok(()),
            To::Host(stream) => {
                *stream = Some(response_stream::open(&self.head).map_err(refused)?);
                Ok(())
            }
            To::Memory { written, is_open } => {
                written.0.borrow_mut().0 = Some(self.head.clone());
                *is_open = true;
                Ok(())
            }
        }
    }
}

impl Write for ResponseStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?;
        match &mut self.to {
            To::Host(Some(stream)) => write(stream, bytes),
            To::Host(None) => Err(ErrorKind::NotConnected.into()),
            To::Memory { written, .. } => written.0.borrow_mut().1.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Host(Some(stream)) => stream.blocking_flush().map_err(broken),
            To::Host(None) | To::Memory { .. } => Ok(()),
        }
    }
}

/// A response without a body is sent with its head.
impl Drop for ResponseStream {
    fn drop(&mut self) {
        // An error here cannot be reported, and the handler's own result is more useful.
        drop(self.open());
    }
}

/// Writes as many of the bytes as there is room for, and at least one.
fn write(stream: &OutputStream, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return Ok(0);
    }
    loop {
        let room = usize::try_from(stream.check_write().map_err(broken)?).unwrap_or(usize::MAX);
        if room > 0 {
            let now = &bytes[..bytes.len().min(room)];
            stream.write(now).map_err(broken)?;
            return Ok(now.len());
        }
        stream.subscribe().block();
    }
}

fn refused(error: OpenError) -> io::Error {
    match error {
        OpenError::Opened => io::Error::other("the response is open already"),
        OpenError::Invalid(why) => io::Error::new(ErrorKind::InvalidInput, why),
        OpenError::Unsupported => io::Error::new(
            ErrorKind::Unsupported,
            "this event is part of a batch whose responses are combined, so its response cannot be streamed",
        ),
    }
}

fn broken(error: StreamError) -> io::Error {
    match error {
        StreamError::Closed => {
            io::Error::new(ErrorKind::BrokenPipe, "the caller no longer reads the response")
        }
        StreamError::LastOperationFailed(error) => io::Error::other(error.to_debug_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_said_before_the_first_byte_and_not_after_it() {
        let (mut response, written) = ResponseStream::in_memory();
        response.content_type("text/html").unwrap();
        assert_eq!(written.content_type(), None, "nothing has begun");
        response.write_all(b"a").unwrap();
        assert_eq!(written.content_type().as_deref(), Some("text/html"));
        let late = response.status(404).unwrap_err().to_string();
        assert!(late.contains("before the first byte"), "{late}");
        assert!(response.content_type("text/plain").is_err() && response.header("a", "b").is_err());
        response.flush().unwrap();
        drop(response);
        assert_eq!((written.body(), written.status()), (b"a".to_vec(), None));
    }

    #[test]
    fn a_header_makes_it_http_and_keeps_the_content_type() {
        let (mut response, written) = ResponseStream::in_memory();
        response.content_type("text/html").unwrap();
        response.cookie("a=1").unwrap();
        response.header("x-a", "b").unwrap();
        let ResponseHead::Http(head) = &response.head else { panic!("it is HTTP") };
        assert_eq!((head.status, head.cookies.as_slice()), (200, &["a=1".to_owned()][..]));
        assert_eq!(head.headers[0], ("content-type".to_owned(), "text/html".to_owned()));
        response.status(204).unwrap();
        drop(response);
        assert_eq!(
            (written.status(), written.body()),
            (Some(204), Vec::new()),
            "one without a byte has a head"
        );
    }

    #[test]
    fn an_async_handler_sends() {
        let (mut response, written) = ResponseStream::in_memory();
        crate::executor::block_on(async { response.send("piece").await }).unwrap().unwrap();
        assert_eq!(written.body(), b"piece");
    }
}
