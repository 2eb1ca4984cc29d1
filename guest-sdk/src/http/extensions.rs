//! [`RequestExt`] and [`RequestPayloadExt`]: what `lambda_http` adds to a request, as far as a service has it.

use ::http::Request;
use serde::de::DeserializeOwned;

use super::{Body, RequestContext};

/// The parameters of a query, decoded. A name may occur several times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryMap(Vec<(String, String)>);

impl QueryMap {
    fn of(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        )
    }

    /// The first value of this name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// All values of this name, if there is one.
    #[must_use]
    pub fn all(&self, name: &str) -> Option<Vec<&str>> {
        let values: Vec<&str> =
            self.iter().filter_map(|(key, value)| (key == name).then_some(value)).collect();
        (!values.is_empty()).then_some(values)
    }

    /// Whether there is no parameter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Undoes percent-encoding, as in a form: `+` is a space. What is not encoded correctly stays as it is.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        let digits = bytes.get(place + 1..place + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let encoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, encoded) {
            (b'%', Some(encoded)) => {
                plain.push(encoded);
                place += 2;
            }
            (b'+', _) => plain.push(b' '),
            (other, _) => plain.push(*other),
        }
        place += 1;
    }
    String::from_utf8(plain).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// What a request says besides its head, with the names of `lambda_http`.
///
/// ```
/// use bulkhead::http::{Request, RequestExt};
///
/// let request = Request::get("https://example.com/a?x=1&x=2").body(()).unwrap();
/// assert_eq!(request.query_string_parameters().all("x").unwrap(), ["1", "2"]);
/// assert_eq!(request.raw_http_path(), "/a");
/// ```
pub trait RequestExt {
    /// The path, without the stage of an API.
    fn raw_http_path(&self) -> &str;

    /// The parameters of the query.
    fn query_string_parameters(&self) -> QueryMap;

    /// The data that the sender of the event adds. See [`RequestContext`] about other hosts.
    fn request_context_ref(&self) -> Option<&RequestContext>;
}

impl<B> RequestExt for Request<B> {
    fn raw_http_path(&self) -> &str {
        self.uri().path()
    }

    fn query_string_parameters(&self) -> QueryMap {
        QueryMap::of(self.uri().query().unwrap_or_default())
    }

    fn request_context_ref(&self) -> Option<&RequestContext> {
        self.extensions().get()
    }
}

/// The body of a request, read as JSON.
pub trait RequestPayloadExt {
    /// The body read as JSON; `None` if it is empty.
    ///
    /// # Errors
    /// If it is not JSON of this form.
    fn json<D: DeserializeOwned>(&self) -> Result<Option<D>, serde_json::Error>;
}

impl RequestPayloadExt for Request<Body> {
    fn json<D: DeserializeOwned>(&self) -> Result<Option<D>, serde_json::Error> {
        match self.body().is_empty() {
            true => Ok(None),
            false => serde_json::from_slice(self.body()).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded() {
        let map = QueryMap::of("a=1&b=%C3%BC+x&a=%zz&&c&d=%");
        let pairs: Vec<_> = map.iter().collect();
        assert_eq!(pairs, [("a", "1"), ("b", "ü x"), ("a", "%zz"), ("c", ""), ("d", "%")]);
        assert_eq!((map.first("a"), map.first("x")), (Some("1"), None));
        assert_eq!((map.all("a").unwrap(), map.all("x")), (vec!["1", "%zz"], None));
        assert!(!map.is_empty() && QueryMap::of("").is_empty());
        assert_eq!(QueryMap::of("a=%ff").first("a"), Some("\u{fffd}"));
    }

    #[test]
    fn a_request_says_what_it_has() {
        let mut request = Request::new(Body::from("[1]"));
        assert!(request.request_context_ref().is_none() && request.query_string_parameters().is_empty());
        request.extensions_mut().insert(RequestContext::from_json(r#"{ "stage": "prod" }"#));
        assert!(request.request_context_ref().is_some());
        assert_eq!(request.json::<Vec<u8>>().unwrap(), Some(vec![1]));
        assert!(request.json::<String>().is_err());
        assert_eq!(Request::new(Body::Empty).json::<u8>().unwrap(), None);
    }
}
