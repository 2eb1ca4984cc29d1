//! A guest's data about its event, as defined in `wit/`.

use crate::engine::bindings::bulkhead::lambda::types;
use crate::runtime_api::invocation::{Caller, Invocation};
use crate::sandbox::time_budget::TimeBudget;

/// The settings of the function, which are equal for every event (section 9 of `docs/runtime-api.md`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSettings {
    /// `AWS_LAMBDA_FUNCTION_NAME`, or empty.
    pub name: String,
    /// `AWS_LAMBDA_FUNCTION_VERSION`, or `$LATEST`.
    pub version: String,
    /// `AWS_LAMBDA_LOG_GROUP_NAME`, or empty; SnapStart does not set it (R6.6).
    pub log_group: String,
    /// `AWS_LAMBDA_LOG_STREAM_NAME`, or empty.
    pub log_stream: String,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` in MB, or 128.
    pub memory_mb: u32,
}

/// The context of one event.
pub(super) fn of(
    function: &FunctionSettings,
    invocation: &Invocation,
    caller: Caller,
    budget: TimeBudget,
) -> types::Context {
    let function = function.clone();
    types::Context {
        request_id: invocation.id.request_id.clone(),
        invoked_function_arn: caller.invoked_function_arn,
        deadline_ms: budget.ends_ms(),
        tenant_id: invocation.tenant_id.clone(),
        trace: types::TraceContext {
            xray: caller.trace.xray,
            traceparent: caller.trace.traceparent,
            tracestate: caller.trace.tracestate,
            baggage: caller.trace.baggage,
        },
        client_context: caller.client_context,
        identity: caller.identity.map(|identity| types::CognitoIdentity {
            identity_id: identity.identity_id,
            identity_pool_id: identity.identity_pool_id,
        }),
        function: types::FunctionSettings {
            name: function.name,
            version: function.version,
            log_group: function.log_group,
            log_stream: function.log_stream,
            memory_mb: function.memory_mb,
        },
    }
}

/// The context for a command, as environment variables. Unknown values have none.
pub(super) fn variables(context: types::Context) -> Vec<(&'static str, String)> {
    let types::Context { trace, function, .. } = context;
    let (identity, pool) =
        context.identity.map(|identity| (identity.identity_id, identity.identity_pool_id)).unzip();
    let variables = [
        ("BULKHEAD_REQUEST_ID", Some(context.request_id)),
        ("BULKHEAD_INVOKED_FUNCTION_ARN", Some(context.invoked_function_arn)),
        ("BULKHEAD_DEADLINE_MS", Some(context.deadline_ms.to_string())),
        ("BULKHEAD_TENANT_ID", context.tenant_id),
        ("BULKHEAD_TRACE_ID", trace.xray),
        ("BULKHEAD_TRACEPARENT", trace.traceparent),
        ("BULKHEAD_TRACESTATE", trace.tracestate),
        ("BULKHEAD_BAGGAGE", trace.baggage),
        ("BULKHEAD_CLIENT_CONTEXT", context.client_context),
        ("BULKHEAD_COGNITO_IDENTITY_ID", identity),
        ("BULKHEAD_COGNITO_IDENTITY_POOL_ID", pool),
        ("BULKHEAD_FUNCTION_NAME", Some(function.name)),
        ("BULKHEAD_FUNCTION_VERSION", Some(function.version)),
        ("BULKHEAD_FUNCTION_MEMORY_MB", Some(function.memory_mb.to_string())),
        ("BULKHEAD_LOG_GROUP", Some(function.log_group)),
        ("BULKHEAD_LOG_STREAM", Some(function.log_stream)),
    ];
    variables.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_has_no_variable() {
        let context = types::Context {
            request_id: "8476a536".to_owned(),
            invoked_function_arn: String::new(),
            deadline_ms: 1_542_409_706_888,
            tenant_id: Some("acme".to_owned()),
            trace: types::TraceContext { xray: None, traceparent: None, tracestate: None, baggage: None },
            client_context: None,
            identity: Some(types::CognitoIdentity {
                identity_id: "id".to_owned(),
                identity_pool_id: "pool".to_owned(),
            }),
            function: types::FunctionSettings {
                name: "hello".to_owned(),
                version: String::new(),
                log_group: String::new(),
                log_stream: String::new(),
                memory_mb: 128,
            },
        };
        let variables = variables(context);
        let value =
            |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(value("BULKHEAD_REQUEST_ID"), Some("8476a536"));
        assert_eq!(value("BULKHEAD_DEADLINE_MS"), Some("1542409706888"));
        assert_eq!(value("BULKHEAD_TENANT_ID"), Some("acme"));
        assert_eq!(value("BULKHEAD_COGNITO_IDENTITY_POOL_ID"), Some("pool"));
        assert_eq!(value("BULKHEAD_FUNCTION_MEMORY_MB"), Some("128"));
        assert_eq!((value("BULKHEAD_TRACE_ID"), value("BULKHEAD_CLIENT_CONTEXT")), (None, None));
    }
}
