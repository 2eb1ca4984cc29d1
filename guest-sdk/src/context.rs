//! [`Context`]: the information about an invocation besides its event.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::bindings::lambda::bulkhead::lambda::types;
use crate::{ClientContext, CognitoIdentity, json};

/// The information about one invocation besides the event.
///
/// In a unit test, start from the default and set the fields that you need:
///
/// ```
/// use bulkhead::Context;
///
/// #[bulkhead::handler]
/// fn greet(name: String, context: Context) -> String {
///     let tenant = context.tenant_id.as_deref().unwrap_or("no tenant");
///     format!("Hello {name} of {tenant}!")
/// }
///
/// let mut context = Context::default();
/// context.tenant_id = Some("acme".into());
/// assert_eq!(greet("Ada".into(), context), "Hello Ada of acme!");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Context {
    /// The id of the request. When Lambda retries an asynchronous invocation, it uses the id again.
    pub request_id: String,
    /// The time at which this sandbox will be stopped, in milliseconds since the Unix epoch. See
    /// [`Context::deadline`].
    pub deadline: u64,
    /// The ARN that the caller used, with its version or alias.
    pub invoked_function_arn: String,
    /// The X-Ray header, `Root=…;Parent=…;Sampled=…`.
    pub xray_trace_id: Option<String>,
    /// The information that the calling application sent about itself.
    pub client_context: Option<ClientContext>,
    /// The client context as the JSON that was sent, which may have more fields than [`ClientContext`].
    pub client_context_json: Option<String>,
    /// The Amazon Cognito identity of the caller.
    pub identity: Option<CognitoIdentity>,
    /// The tenant of this invocation.
    pub tenant_id: Option<String>,
    /// The settings of the function.
    pub env_config: Arc<Config>,
    /// The W3C trace that this invocation belongs to.
    pub trace: TraceContext,
}

/// The settings of the Lambda function, the same for every invocation of one execution environment.
///
/// ```
/// use std::sync::Arc;
///
/// use bulkhead::{Config, Context};
///
/// #[bulkhead::handler]
/// fn version(context: Context) -> String {
///     format!("{}:{}", context.env_config.function_name, context.env_config.version)
/// }
///
/// let mut context = Context::default();
/// context.env_config = Arc::new(Config {
///     function_name: "orders".into(),
///     version: "$LATEST".into(),
///     ..Config::default()
/// });
/// assert_eq!(version(context), "orders:$LATEST");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, serde::Deserialize)]
pub struct Config {
    /// The function's name.
    pub function_name: String,
    /// The memory of the function in MB. The handler's own limit may be lower.
    pub memory: i32,
    /// The function's version: `$LATEST` or a number.
    pub version: String,
    /// The log stream of this environment; empty if the platform has none.
    pub log_stream: String,
    /// The function's log group; empty if the platform has none.
    pub log_group: String,
}

/// The W3C headers of a distributed trace. Each is there only if the caller sent it.
///
/// ```
/// use bulkhead::{Context, TraceContext};
///
/// /// The headers for a request to another service.
/// fn headers(trace: &TraceContext) -> Vec<(&'static str, &str)> {
///     let TraceContext { traceparent, tracestate, baggage } = trace;
///     let all = [("traceparent", traceparent), ("tracestate", tracestate), ("baggage", baggage)];
///     all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
/// }
///
/// let mut context = Context::default();
/// context.trace.tracestate = Some("vendor=1".into());
/// assert_eq!(headers(&context.trace), [("tracestate", "vendor=1")]);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct TraceContext {
    /// The `traceparent` header: the trace, and the span of the caller.
    pub traceparent: Option<String>,
    /// The `tracestate` header: data that tracing systems add.
    pub tracestate: Option<String>,
    /// The `baggage` header: values that travel with the trace.
    pub baggage: Option<String>,
}

impl Context {
    /// The time at which this sandbox will be stopped.
    ///
    /// ```
    /// # let mut context = bulkhead::Context::default();
    /// context.deadline = 1_500;
    /// let epoch = std::time::SystemTime::UNIX_EPOCH;
    /// assert_eq!(context.deadline().duration_since(epoch)?.as_millis(), 1_500);
    /// # Ok::<(), std::time::SystemTimeError>(())
    /// ```
    #[must_use]
    pub fn deadline(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.deadline)
    }

    /// The time that this sandbox has left; zero if the deadline has passed.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use bulkhead::Context;
    ///
    /// #[bulkhead::handler]
    /// fn batch(items: Vec<String>, context: Context) -> usize {
    ///     let is_time = |_: &&String| context.remaining_time() > Duration::from_secs(1);
    ///     items.iter().take_while(is_time).count()
    /// }
    ///
    /// // The deadline of the default context has passed.
    /// assert!(Context::default().remaining_time().is_zero());
    /// assert_eq!(batch(vec!["one".into()], Context::default()), 0);
    /// ```
    #[must_use]
    pub fn remaining_time(&self) -> Duration {
        self.deadline().duration_since(SystemTime::now()).unwrap_or_default()
    }
}

impl From<types::Context> for Context {
    fn from(context: types::Context) -> Self {
        let client_context_json = context.client_context;
        let client_context =
            client_context_json.as_deref().and_then(|text| json::from_slice(text.as_bytes()).ok());
        Self {
            request_id: context.request_id,
            deadline: context.deadline_ms,
            invoked_function_arn: context.invoked_function_arn,
            xray_trace_id: context.trace.xray,
            client_context,
            client_context_json,
            identity: context.identity.map(|identity| CognitoIdentity {
                identity_id: identity.identity_id,
                identity_pool_id: identity.identity_pool_id,
            }),
            tenant_id: context.tenant_id,
            env_config: Arc::new(context.function.into()),
            trace: TraceContext {
                traceparent: context.trace.traceparent,
                tracestate: context.trace.tracestate,
                baggage: context.trace.baggage,
            },
        }
    }
}

impl From<types::FunctionSettings> for Config {
    fn from(function: types::FunctionSettings) -> Self {
        Self {
            function_name: function.name,
            memory: i32::try_from(function.memory_mb).unwrap_or(i32::MAX),
            version: function.version,
            log_stream: function.log_stream,
            log_group: function.log_group,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The minimal information that a host gives about an invocation.
    pub(crate) fn bare() -> types::Context {
        types::Context {
            request_id: "8476a536".into(),
            invoked_function_arn: "arn:aws:lambda:us-east-1:1:function:f".into(),
            deadline_ms: 1_700_000_000_000,
            tenant_id: None,
            trace: types::TraceContext { xray: None, traceparent: None, tracestate: None, baggage: None },
            client_context: None,
            identity: None,
            function: types::FunctionSettings {
                name: "f".into(),
                version: "$LATEST".into(),
                log_group: "/aws/lambda/f".into(),
                log_stream: "2026/11/22".into(),
                memory_mb: 256,
            },
        }
    }

    #[test]
    fn everything_that_the_host_says_arrives() {
        let context = Context::from(types::Context {
            tenant_id: Some("acme".into()),
            trace: types::TraceContext {
                xray: Some("Root=1".into()),
                traceparent: Some("00-1".into()),
                tracestate: Some("a=1".into()),
                baggage: Some("b=2".into()),
            },
            client_context: Some(r#"{"custom":{"k":1},"more":true}"#.into()),
            identity: Some(types::CognitoIdentity { identity_id: "i".into(), identity_pool_id: "p".into() }),
            ..bare()
        });
        assert_eq!(context.request_id, "8476a536");
        assert_eq!(context.deadline, 1_700_000_000_000);
        assert_eq!(context.invoked_function_arn, "arn:aws:lambda:us-east-1:1:function:f");
        assert_eq!(context.tenant_id.as_deref(), Some("acme"));
        assert_eq!(context.xray_trace_id.as_deref(), Some("Root=1"));
        assert_eq!(context.trace.traceparent.as_deref(), Some("00-1"));
        assert_eq!(context.trace.tracestate.as_deref(), Some("a=1"));
        assert_eq!(context.trace.baggage.as_deref(), Some("b=2"));
        assert_eq!(context.client_context.unwrap().custom["k"], "1");
        assert_eq!(context.client_context_json.as_deref(), Some(r#"{"custom":{"k":1},"more":true}"#));
        assert_eq!(context.identity.unwrap().identity_pool_id, "p");
        assert_eq!((context.env_config.function_name.as_str(), context.env_config.memory), ("f", 256));
        assert_eq!(context.env_config.version, "$LATEST");
        assert_eq!(context.env_config.log_group, "/aws/lambda/f");
        assert_eq!(context.env_config.log_stream, "2026/11/22");
    }

    #[test]
    fn a_client_context_that_is_no_json_is_kept_as_text() {
        let context = Context::from(types::Context { client_context: Some("{".into()), ..bare() });
        assert_eq!(context.client_context, None);
        assert_eq!(context.client_context_json.as_deref(), Some("{"));
    }

    #[test]
    fn absurd_numbers_do_not_panic() {
        let mut settings = bare();
        settings.deadline_ms = u64::MAX;
        settings.function.memory_mb = u32::MAX;
        let context = Context::from(settings);
        assert!(context.deadline() > SystemTime::now());
        assert!(!context.remaining_time().is_zero());
        assert_eq!(context.env_config.memory, i32::MAX);
    }
}
