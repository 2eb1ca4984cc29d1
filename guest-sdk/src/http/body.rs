//! The types of request and response bodies.

use std::fmt;
use std::io::{self, Cursor, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The body of a request, which you read while it arrives. Use it for bodies larger than the sandbox's
/// memory.
///
/// `IncomingBody::from` makes one for a unit test:
///
/// ```
/// use std::io::{self, BufRead as _, BufReader};
///
/// use bulkhead::http::{IncomingBody, Request, Response};
///
/// #[bulkhead::http_handler]
/// fn count_lines(request: Request<IncomingBody>) -> io::Result<Response<String>> {
///     let mut count = 0;
///     for line in BufReader::new(request.into_body()).lines() {
///         line?;
///         count += 1;
///     }
///     Ok(Response::new(format!("{count} lines")))
/// }
///
/// let body = IncomingBody::from(b"one\ntwo\n".to_vec());
/// assert_eq!(count_lines(Request::new(body)).unwrap().body(), "2 lines");
/// ```
pub struct IncomingBody(Box<dyn Read>);

impl IncomingBody {
    pub(super) fn new(reader: impl Read + 'static) -> Self {
        Self(Box::new(reader))
    }
}

impl From<Vec<u8>> for IncomingBody {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(Cursor::new(bytes))
    }
}

impl fmt::Debug for IncomingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingBody").finish_non_exhaustive()
    }
}

impl Read for IncomingBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// A function that writes a body.
type Writer = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()>>;

/// The body of a response, either whole or [written while it is sent](OutgoingBody::written).
///
/// ```
/// use bulkhead::http::OutgoingBody;
///
/// assert_eq!(OutgoingBody::from("whole").into_bytes().unwrap(), b"whole");
/// ```
pub struct OutgoingBody(Content);

enum Content {
    Whole(Vec<u8>),
    Written(Writer),
}

impl OutgoingBody {
    /// A body that is sent while `write` writes it, after the status and the headers. A write waits if the
    /// client reads slowly. If it fails, the client sees that the body is incomplete. `write` is not called
    /// for a response without a body: one to HEAD, or with status 204 or 304.
    ///
    /// ```
    /// use std::io::Write as _;
    ///
    /// use bulkhead::http::{OutgoingBody, Request, Response};
    ///
    /// #[bulkhead::http_handler]
    /// fn count(_: Request<()>) -> Response<OutgoingBody> {
    ///     Response::new(OutgoingBody::written(|to| (1..=3).try_for_each(|number| writeln!(to, "{number}"))))
    /// }
    ///
    /// let response = count(Request::new(()));
    /// assert_eq!(response.into_body().into_bytes().unwrap(), b"1\n2\n3\n");
    /// ```
    pub fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()> + 'static) -> Self {
        Self(Content::Written(Box::new(write)))
    }

    /// The whole body, for unit tests.
    ///
    /// # Errors
    /// If the body cannot be written to its end.
    pub fn into_bytes(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn write_to(self, to: &mut dyn Write) -> io::Result<()> {
        match self.0 {
            Content::Whole(bytes) => to.write_all(&bytes),
            Content::Written(write) => write(to),
        }
    }
}

impl<T: Into<Vec<u8>>> From<T> for OutgoingBody {
    fn from(bytes: T) -> Self {
        Self(Content::Whole(bytes.into()))
    }
}

impl fmt::Debug for OutgoingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Content::Whole(_) => "Whole",
            Content::Written(_) => "Written",
        };
        f.debug_tuple("OutgoingBody").field(&kind).finish()
    }
}

/// A JSON body. A request with a body of another form is answered with status 400. A response gets the
/// content type `application/json` unless it sets one.
///
/// ```
/// use bulkhead::http::{Json, Request, Response};
///
/// #[bulkhead::http_handler]
/// fn sum(request: Request<Json<Vec<u32>>>) -> Response<Json<u32>> {
///     Response::new(Json(request.body().0.iter().sum()))
/// }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// A type that the body of a request may have: `Vec<u8>`, `String`, [`Json`], an `Option` of these,
/// [`IncomingBody`], or `()` for a handler that does not read it.
///
/// Implement it for other formats:
///
/// ```
/// use bulkhead::http::{FromBody, IncomingBody, Request, Response};
///
/// struct Numbers(Vec<u32>);
///
/// impl FromBody for Numbers {
///     fn from_body(body: IncomingBody) -> Result<Self, String> {
///         let text = String::from_body(body)?;
///         let numbers = text.split_whitespace().map(str::parse).collect::<Result<_, _>>();
///         numbers.map(Self).map_err(|_| "the body is not a list of numbers".into())
///     }
/// }
///
/// #[bulkhead::http_handler]
/// fn sum(request: Request<Numbers>) -> Response<String> {
///     Response::new(request.body().0.iter().sum::<u32>().to_string())
/// }
///
/// let numbers = Numbers::from_body(b"1 2 3".to_vec().into()).unwrap();
/// assert_eq!(sum(Request::new(numbers)).body(), "6");
/// ```
#[diagnostic::on_unimplemented(
    message = "the body of a request cannot be `{Self}`",
    label = "not a request body",
    note = "use `Vec<u8>`, `String`, `bulkhead::http::Json<T>` of a `T: Deserialize`, an `Option` of these, `bulkhead::http::IncomingBody`, or `()`"
)]
pub trait FromBody: Sized {
    /// Reads the body.
    ///
    /// # Errors
    /// If the body does not have the form of the type. The client gets this sentence with status 400.
    fn from_body(body: IncomingBody) -> Result<Self, String>;
}

impl FromBody for IncomingBody {
    fn from_body(body: IncomingBody) -> Result<Self, String> {
        Ok(body)
    }
}

impl FromBody for () {
    fn from_body(_: IncomingBody) -> Result<Self, String> {
        Ok(())
    }
}

impl FromBody for Vec<u8> {
    fn from_body(mut body: IncomingBody) -> Result<Self, String> {
        let mut bytes = Self::new();
        body.read_to_end(&mut bytes).map_err(|error| format!("the body is incomplete: {error}"))?;
        Ok(bytes)
    }
}

impl FromBody for String {
    fn from_body(body: IncomingBody) -> Result<Self, String> {
        let bytes = Vec::from_body(body)?;
        Self::from_utf8(bytes).map_err(|error| format!("the body is not UTF-8: {}", error.utf8_error()))
    }
}

impl<T: DeserializeOwned> FromBody for Json<T> {
    fn from_body(body: IncomingBody) -> Result<Self, String> {
        let bytes = Vec::from_body(body)?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| format!("the body does not have the expected form: {error}"))
    }
}

/// `None` for an empty body, since a request without a body has none.
impl<T: FromBody> FromBody for Option<T> {
    fn from_body(body: IncomingBody) -> Result<Self, String> {
        let bytes = Vec::from_body(body)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        T::from_body(bytes.into()).map(Some)
    }
}

/// A type that the body of a response may have: text, bytes, [`Json`], [`OutgoingBody`], or `()` for none.
///
/// Implement it for other formats:
///
/// ```
/// use bulkhead::http::{IntoBody, OutgoingBody, Request, Response};
///
/// struct Csv(Vec<[u32; 2]>);
///
/// impl IntoBody for Csv {
///     const CONTENT_TYPE: Option<&'static str> = Some("text/csv");
///
///     fn into_body(self) -> Result<OutgoingBody, bulkhead::Error> {
///         let lines: Vec<String> = self.0.iter().map(|[one, two]| format!("{one},{two}")).collect();
///         Ok(lines.join("\n").into())
///     }
/// }
///
/// #[bulkhead::http_handler]
/// fn squares(_: Request<()>) -> Response<Csv> {
///     Response::new(Csv((1..=3).map(|number| [number, number * number]).collect()))
/// }
///
/// let body = squares(Request::new(())).into_body().into_body().unwrap();
/// assert_eq!(body.into_bytes().unwrap(), b"1,1\n2,4\n3,9");
/// ```
#[diagnostic::on_unimplemented(
    message = "the body of a response cannot be `{Self}`",
    label = "not a response body",
    note = "use `String`, `&'static str`, `Vec<u8>`, `bulkhead::http::Json<T>` of a `T: Serialize`, `bulkhead::http::OutgoingBody`, or `()`"
)]
pub trait IntoBody {
    /// The content type, if the type determines one.
    const CONTENT_TYPE: Option<&'static str> = None;

    /// Makes the body.
    ///
    /// # Errors
    /// If the body cannot be made. The client gets status 500.
    fn into_body(self) -> Result<OutgoingBody, crate::Error>;
}

impl IntoBody for OutgoingBody {
    fn into_body(self) -> Result<OutgoingBody, crate::Error> {
        Ok(self)
    }
}

impl IntoBody for () {
    fn into_body(self) -> Result<OutgoingBody, crate::Error> {
        Ok(OutgoingBody::from(Vec::new()))
    }
}

macro_rules! bytes {
    ($($of:ty),*) => {$(
        impl IntoBody for $of {
            fn into_body(self) -> Result<OutgoingBody, crate::Error> {
                Ok(OutgoingBody::from(self))
            }
        }
    )*};
}
bytes!(String, &'static str, Vec<u8>, &'static [u8]);

impl<T: Serialize> IntoBody for Json<T> {
    const CONTENT_TYPE: Option<&'static str> = Some("application/json");

    fn into_body(self) -> Result<OutgoingBody, crate::Error> {
        Ok(OutgoingBody::from(serde_json::to_vec(&self.0)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Breaks off after its first byte.
    struct Broken(bool);

    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("the client went away"));
            }
            buffer.fill(b'a');
            Ok(1)
        }
    }

    #[test]
    fn a_body_that_does_not_fit_says_why() {
        let text = |bytes: &[u8]| String::from_body(bytes.to_vec().into());
        assert_eq!(text(b"\xc3\xa4").unwrap(), "ä");
        assert!(text(b"\xff").unwrap_err().starts_with("the body is not UTF-8: invalid utf-8"));
        let json = |bytes: &[u8]| Json::<Vec<u8>>::from_body(bytes.to_vec().into());
        assert_eq!(json(b"[1, 2]").unwrap(), Json(vec![1, 2]));
        let error = json(b"[1, \"a\"]").unwrap_err();
        assert!(
            error.starts_with("the body does not have the expected form: invalid type")
                && error.contains("column"),
            "{error}"
        );
    }

    #[test]
    fn a_request_without_a_body_has_none() {
        let json = |bytes: &[u8]| Option::<Json<u8>>::from_body(bytes.to_vec().into());
        assert_eq!((json(b""), json(b"1")), (Ok(None), Ok(Some(Json(1)))));
        assert!(json(b"a").is_err());
    }

    #[test]
    fn a_body_that_breaks_off_is_no_body() {
        let error = Vec::from_body(IncomingBody::new(Broken(false))).unwrap_err();
        assert_eq!(error, "the body is incomplete: the client went away");
        let mut read = IncomingBody::from_body(IncomingBody::new(Broken(false))).unwrap();
        assert_eq!((read.read(&mut [0]).unwrap(), read.read(&mut [0]).is_err()), (1, true));
        <()>::from_body(IncomingBody::new(Broken(true))).expect("nobody looks at it");
    }

    #[test]
    fn whatever_is_a_body_is_written_as_its_bytes() {
        let bytes = |body: Result<OutgoingBody, crate::Error>| body.unwrap().into_bytes().unwrap();
        assert_eq!(bytes("a".into_body()), b"a");
        assert_eq!(bytes(String::from("a").into_body()), b"a");
        assert_eq!(bytes((&b"\xff"[..]).into_body()), b"\xff");
        assert_eq!(bytes(().into_body()), b"");
        assert_eq!(bytes(Json(["a"]).into_body()), br#"["a"]"#);
        let broken = OutgoingBody::written(|_| Err(io::Error::other("no more")));
        assert_eq!(broken.into_bytes().unwrap_err().to_string(), "no more");
    }

    #[test]
    fn what_is_no_json_is_an_error_of_the_handler() {
        let map = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(Json(map).into_body().unwrap_err().to_string(), "key must be a string");
    }
}
