//! [`RequestContext`]: the data that the sender of an event adds to a request.

use ::http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The header with which the host passes the context. The host removes any header of this name that a client
/// sends.
const HEADER: &str = "x-bulkhead-request-context";

/// The `requestContext` of the event: the caller, its identity, and the API. You find it in a request's
/// extensions.
///
/// Other hosts do not set it, and do not stop their clients from sending one. Trust it only in a service that
/// runs on Lambda alone.
///
/// ```
/// use bulkhead::http::{Request, RequestContext, Response};
///
/// #[bulkhead::http_handler]
/// fn whoami(request: Request<()>) -> Response<String> {
///     let context = request.extensions().get::<RequestContext>();
///     Response::new(context.and_then(RequestContext::source_ip).unwrap_or_default())
/// }
///
/// let mut request = Request::new(());
/// request.extensions_mut().insert(RequestContext::from_json(r#"{ "http": { "sourceIp": "192.0.2.1" } }"#));
/// assert_eq!(whoami(request).body(), "192.0.2.1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext(String);

impl RequestContext {
    /// Removes the context from the headers.
    pub(super) fn take(headers: &mut HeaderMap) -> Option<Self> {
        let value = headers.remove(HEADER)?;
        value.to_str().ok().map(|json| Self(json.to_owned()))
    }

    /// Makes a context for a unit test from the JSON of an event.
    #[must_use]
    pub fn from_json(json: impl Into<String>) -> Self {
        Self(json.into())
    }

    /// Reads it as a type such as `aws_lambda_events::apigw::ApiGatewayV2httpRequestContext`.
    ///
    /// ```
    /// use bulkhead::http::RequestContext;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Api {
    ///     stage: String,
    /// }
    ///
    /// let context = RequestContext::from_json(r#"{ "stage": "prod", "apiId": "id" }"#);
    /// assert_eq!(context.parse::<Api>()?.stage, "prod");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// If its JSON does not fit this type.
    pub fn parse<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(&self.0)
    }

    /// The address of the client, if the sender provides it: HTTP and REST APIs and function URLs do. A load
    /// balancer puts it into `x-forwarded-for`.
    #[must_use]
    pub fn source_ip(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Source {
            #[serde(rename = "sourceIp")]
            ip: Option<String>,
        }
        let context: Value = self.parse().ok()?;
        [&context["http"], &context["identity"]]
            .into_iter()
            .find_map(|place| Source::deserialize(place).ok().and_then(|source| source.ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leaves_the_headers() {
        let mut headers =
            HeaderMap::from_iter([(HEADER.parse().unwrap(), r#"{"stage": "a"}"#.parse().unwrap())]);
        let context = RequestContext::take(&mut headers).unwrap();
        assert_eq!(context.parse::<Value>().unwrap()["stage"], "a");
        assert!(headers.is_empty());
        assert_eq!(RequestContext::take(&mut headers), None);
    }

    #[test]
    fn the_address_is_where_the_form_of_the_event_has_it() {
        let ip = |json: &str| RequestContext::from_json(json).source_ip();
        assert_eq!(ip(r#"{"http": {"sourceIp": "192.0.2.1"}}"#).as_deref(), Some("192.0.2.1"));
        assert_eq!(ip(r#"{"identity": {"sourceIp": "192.0.2.2"}}"#).as_deref(), Some("192.0.2.2"));
        assert_eq!(ip(r#"{"identity": {"sourceIp": null}}"#), None);
        assert_eq!(ip(r#"{"elb": {}}"#), None);
        assert_eq!(ip("no JSON"), None);
    }
}
