//! [`Response`] and its body.

use std::fmt;

use ::http::{HeaderMap, StatusCode, response::Parts};
use serde::de::DeserializeOwned;

use super::Error;
use super::error::Reason;
use super::wire::Arriving;

/// A response. Its body may still be arriving.
#[derive(Debug)]
pub struct Response {
    head: Parts,
    body: Body,
    to: String,
}

impl Response {
    pub(super) fn new(response: ::http::Response<Body>, to: String) -> Self {
        let (head, body) = response.into_parts();
        Self { head, body, to }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The response itself, unless it has the status of an error: 400 to 599.
    ///
    /// # Errors
    /// If it has one.
    pub fn error_for_status(self) -> Result<Self, Error> {
        let status = self.head.status;
        match status.is_client_error() || status.is_server_error() {
            true => Err(Error::new(self.to, Reason::Status(status))),
            false => Ok(self),
        }
    }

    /// The next bytes of the body, when they arrive; `None` at its end.
    ///
    /// # Errors
    /// If the body breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.body.chunk().await.map_err(|why| Error::new(self.to.clone(), Reason::Body(why)))
    }

    /// The whole body.
    ///
    /// # Errors
    /// If the body breaks off.
    pub async fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            // The only piece is not copied.
            if bytes.is_empty() { bytes = chunk } else { bytes.extend(chunk) }
        }
        Ok(bytes)
    }

    /// The whole body as text.
    ///
    /// # Errors
    /// If the body breaks off, or is not UTF-8.
    pub async fn text(self) -> Result<String, Error> {
        let to = self.to.clone();
        let invalid = |why: String| Error::new(to, Reason::Body(why));
        String::from_utf8(self.bytes().await?)
            .map_err(|error| invalid(format!("the body is not UTF-8: {}", error.utf8_error())))
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    /// If the body breaks off, or is not JSON of this form.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let to = self.to.clone();
        serde_json::from_slice(&self.bytes().await?).map_err(|error| {
            Error::new(to, Reason::Body(format!("the body does not have the expected form: {error}")))
        })
    }

    /// Head and body as the types of the `http` crate.
    #[must_use]
    pub fn into_http(self) -> ::http::Response<Body> {
        ::http::Response::from_parts(self.head, self.body)
    }
}

/// The body of a response, which may still be arriving.
pub struct Body(Content);

enum Content {
    Whole(Vec<u8>),
    Arriving(Arriving),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Content::Whole(bytes))
    }
}

impl From<Arriving> for Body {
    fn from(arriving: Arriving) -> Self {
        Self(Content::Arriving(arriving))
    }
}

impl Body {
    /// The next bytes, when they arrive; `None` at the end.
    ///
    /// # Errors
    /// If the body breaks off; the text gives the reason.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, String> {
        match &mut self.0 {
            Content::Whole(bytes) => Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())),
            Content::Arriving(arriving) => arriving.chunk().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Client;
    use crate::executor::block_on;

    fn client(status: u16, body: &'static [u8]) -> Client {
        Client::answering(move |_| {
            let mut response = ::http::Response::new(body.to_vec());
            *response.status_mut() = status.try_into().unwrap();
            response
        })
    }

    #[test]
    fn a_body_is_read_as_what_is_wanted() {
        block_on(async {
            let send = |body| async move { client(200, body).get("https://a.b/").send().await.unwrap() };
            assert_eq!(send(b"[1,2]").await.json::<Vec<u8>>().await.unwrap(), [1, 2]);
            assert_eq!(send("\u{e4}".as_bytes()).await.text().await.unwrap(), "ä");
            assert_eq!(send(b"\xff").await.bytes().await.unwrap(), b"\xff");
            let error = send(b"\xff").await.text().await.unwrap_err().to_string();
            assert!(error.starts_with("GET https://a.b: the body is not UTF-8"), "{error}");
            let error = send(b"{}").await.json::<Vec<u8>>().await.unwrap_err().to_string();
            assert!(error.contains("does not have the expected form"), "{error}");
            let mut response = send(b"ab").await;
            assert_eq!(response.chunk().await.unwrap().as_deref(), Some(&b"ab"[..]));
            assert_eq!(response.chunk().await.unwrap(), None);
        })
        .unwrap();
    }

    #[test]
    fn a_status_is_an_error_where_that_is_asked() {
        block_on(async {
            let response = client(404, b"").get("https://a.b/").send().await.unwrap();
            assert_eq!((response.status().as_u16(), response.headers().len()), (404, 0));
            assert_eq!(response.error_for_status().unwrap_err().status().unwrap(), 404);
            let fine =
                client(302, b"x").get("https://a.b/").send().await.unwrap().error_for_status().unwrap();
            assert_eq!(fine.into_http().status(), 302);
        })
        .unwrap();
    }

    #[cfg(not(target_family = "wasm"))]
    #[test]
    fn without_a_host_nothing_is_sent() {
        let error = block_on(Client::new().get("https://a.b/").send()).unwrap().unwrap_err();
        assert!(error.to_string().contains("only a component"), "{error}");
    }
}
