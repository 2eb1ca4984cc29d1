//! The sources of HTTP events: how their events are recognised, and how they differ.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::context::Context;
use super::error::HttpEventError;
use super::event::{Event, Text, text};

/// The sender of an event, and the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpSource {
    /// An API Gateway REST API.
    RestApi,
    /// An API Gateway HTTP API with payload format 1.0.
    HttpApiV1,
    /// An API Gateway HTTP API with payload format 2.0.
    HttpApi,
    /// A function URL, whose events are like those of HTTP APIs except for the encoding of the path.
    FunctionUrl,
    /// An API Gateway WebSocket API.
    WebSocket,
    /// An Application Load Balancer.
    Alb,
    /// An Application Load Balancer with multi-value headers, which also expects them in the response.
    AlbMultiValue,
    /// VPC Lattice, version 1 of its event.
    LatticeV1,
    /// VPC Lattice, version 2.
    Lattice,
    /// Not an HTTP event: it was converted to a request by [`super::HttpEvent::plain`].
    Plain,
}

impl HttpSource {
    /// The source of an event.
    ///
    /// # Errors
    /// The reason why its source is unknown.
    pub(super) fn of(event: &Event<'_>, context: &Context<'_>) -> Result<Self, &'static str> {
        if event.method_arn.is_some() || event.route_arn.is_some() {
            return Err("it is for an authorizer, which must return a policy instead of a response");
        }
        let named = event.http_method.is_some() && event.path.is_some();
        if event.raw_path.is_some() && context.http.is_some() {
            Ok(if is_function_url(context) { Self::FunctionUrl } else { Self::HttpApi })
        } else if named && context.elb.is_some() {
            Ok(if event.multi_value_headers.is_some() { Self::AlbMultiValue } else { Self::Alb })
        } else if context.connection_id.is_some() {
            Ok(Self::WebSocket)
        } else if named {
            // Events of REST APIs have no version.
            let is_v1 = text(event.version).is_some_and(|version| version == "1.0");
            Ok(if is_v1 { Self::HttpApiV1 } else { Self::RestApi })
        } else if event.method.is_some() && event.path.is_some() && context.service_arn.is_some() {
            Ok(Self::Lattice)
        } else if event.method.is_some() && event.lattice_path.is_some() {
            Ok(Self::LatticeV1)
        } else {
            Err("it has neither `rawPath` with `requestContext.http`, nor `httpMethod` with `path`, \
                 nor `method` with a path")
        }
    }

    /// Whether a response can be streamed to the client, if the function is configured for it. The other
    /// sources invoke the function for a buffered response, and would treat the beginning of a stream as its
    /// body (S7.16).
    pub fn streams(self) -> bool {
        matches!(self, Self::RestApi | Self::FunctionUrl)
    }

    /// Whether the source has decoded the path. Only HTTP APIs do, whatever they call the field: `%2F` has
    /// become a slash, and a remaining `%` is a literal one. Some emulators of REST APIs do it too, and
    /// report version 1.0 for their events.
    pub(super) fn decodes_path(self) -> bool {
        matches!(self, Self::HttpApi | Self::HttpApiV1)
    }

    /// Whether the path may start with the stage's name. For a REST API that is so only in
    /// `requestContext.path`.
    pub(super) fn puts_stage_into_path(self) -> bool {
        matches!(self, Self::HttpApi | Self::HttpApiV1)
    }

    /// Whether the source has decoded names and values of the query. Load balancers do not. For VPC Lattice,
    /// AWS's guide does not say ("Receive events from the VPC Lattice service"), and there is no capture;
    /// AWS's own crate `lambda_http` 1.2 treats them as encoded too, and tests this
    /// (`vpc_lattice_v2_request_encoded_query.json`).
    pub(super) fn decodes_query(self) -> bool {
        !matches!(self, Self::Alb | Self::AlbMultiValue | Self::Lattice | Self::LatticeV1)
    }

    /// Parses a field of an event.
    pub(super) fn read<'a, T: Deserialize<'a>>(
        self,
        field: &'static str,
        value: Option<&'a RawValue>,
    ) -> Result<Option<T>, HttpEventError> {
        let read = |value: &'a RawValue| serde_json::from_str(value.get());
        value.map(read).transpose().map_err(|error| HttpEventError::Field { origin: self, field, error })
    }

    /// Parses a field of an event that is a string.
    pub(super) fn text<'a>(
        self,
        field: &'static str,
        value: Option<&'a RawValue>,
    ) -> Result<Option<Cow<'a, str>>, HttpEventError> {
        Ok(self.read::<Text<'a>>(field, value)?.map(|text| text.0))
    }
}

/// Events of a function URL are marked only by the domain, which is Lambda's even behind a CDN. An event
/// without a domain was written by hand, and its path is taken literally, as for a function URL.
fn is_function_url(context: &Context<'_>) -> bool {
    context.domain_name().is_none_or(|domain| domain.contains(".lambda-url."))
}

impl fmt::Display for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RestApi => "an API Gateway REST API",
            Self::HttpApiV1 => "an API Gateway HTTP API (payload format 1.0)",
            Self::HttpApi => "an API Gateway HTTP API",
            Self::FunctionUrl => "a function URL",
            Self::WebSocket => "an API Gateway WebSocket API",
            Self::Alb => "an Application Load Balancer",
            Self::AlbMultiValue => "an Application Load Balancer with multi-value headers",
            Self::LatticeV1 => "VPC Lattice (version 1)",
            Self::Lattice => "VPC Lattice",
            Self::Plain => "another source",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(event: &str) -> Result<HttpSource, &'static str> {
        let event: Event<'_> = serde_json::from_str(event).unwrap();
        HttpSource::of(&event, &Context::of(event.request_context))
    }

    #[test]
    fn each_source_is_told_by_what_only_it_has() {
        let url = r#"{"rawPath": "/", "requestContext": {"http": {}, "domainName": "a.lambda-url.eu-west-1.on.aws"}}"#;
        let api = r#"{"rawPath": "/", "requestContext": {"http": {}, "domainName": "a.execute-api.eu-west-1.amazonaws.com"}}"#;
        for (event, expected) in [
            (r#"{"httpMethod": "GET", "path": "/", "requestContext": {}}"#, HttpSource::RestApi),
            (r#"{"httpMethod": "GET", "path": "/", "version": "1.0"}"#, HttpSource::HttpApiV1),
            (api, HttpSource::HttpApi),
            (url, HttpSource::FunctionUrl),
            (r#"{"rawPath": "/", "requestContext": {"http": {}}}"#, HttpSource::FunctionUrl),
            (r#"{"requestContext": {"connectionId": "a"}}"#, HttpSource::WebSocket),
            (r#"{"httpMethod": "GET", "path": "/", "requestContext": {"elb": {}}}"#, HttpSource::Alb),
            (
                r#"{"httpMethod": "GET", "path": "/", "multiValueHeaders": {}, "requestContext": {"elb": {}}}"#,
                HttpSource::AlbMultiValue,
            ),
            (r#"{"method": "GET", "raw_path": "/"}"#, HttpSource::LatticeV1),
            (r#"{"method": "GET", "path": "/", "requestContext": {"serviceArn": "a"}}"#, HttpSource::Lattice),
        ] {
            assert_eq!(source(event), Ok(expected), "{event}");
        }
    }

    #[test]
    fn what_is_nobodys_has_no_form() {
        for event in [
            "{}",
            r#"{"Records": []}"#,
            r#"{"version": "0", "detail-type": "a", "detail": {}}"#,
            r#"{"rawPath": "/"}"#,
            r#"{"httpMethod": "GET", "apiPath": "/"}"#,
            r#"{"method": "GET", "path": "/"}"#,
            r#"{"httpMethod": "GET", "path": null}"#,
        ] {
            assert!(source(event).is_err_and(|why| why.contains("rawPath")), "{event}");
        }
        let authorizer = r#"{"type": "REQUEST", "methodArn": "a", "httpMethod": "GET", "path": "/"}"#;
        assert!(source(authorizer).is_err_and(|why| why.contains("authorizer")));
    }
}
