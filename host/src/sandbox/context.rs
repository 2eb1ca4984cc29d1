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
pub(super) fn of<'a>(
    function: &'a FunctionSettings,
    invocation: &'a Invocation,
    caller: &'a Caller,
    budget: TimeBudget,
) -> types::Context<'a> {
    types::Context {
        request_id: &invocation.id.request_id,
        invoked_function_arn: &caller.invoked_function_arn,
        deadline_ms: budget.ends_ms(),
        tenant_id: invocation.tenant_id.as_deref(),
        trace: types::TraceContext {
            xray: caller.trace.xray.as_deref(),
            traceparent: caller.trace.traceparent.as_deref(),
            tracestate: caller.trace.tracestate.as_deref(),
            baggage: caller.trace.baggage.as_deref(),
        },
        client_context: caller.client_context.as_deref(),
        identity: caller.identity.as_ref().map(|identity| types::CognitoIdentity {
            identity_id: &identity.identity_id,
            identity_pool_id: &identity.identity_pool_id,
        }),
        function: types::FunctionSettings {
            name: &function.name,
            version: &function.version,
            log_group: &function.log_group,
            log_stream: &function.log_stream,
            memory_mb: function.memory_mb,
        },
    }
}

/// The context for a command, as environment variables. Unknown values have none.
pub(super) fn variables(context: &types::Context<'_>) -> Vec<(&'static str, String)> {
    let types::Context { trace, function, .. } = context;
    let (identity, pool) =
        context.identity.as_ref().map(|identity| (identity.identity_id, identity.identity_pool_id)).unzip();
    let (deadline, memory) = (context.deadline_ms.to_string(), function.memory_mb.to_string());
    let variables = [
        ("BULKHEAD_REQUEST_ID", Some(context.request_id)),
        ("BULKHEAD_INVOKED_FUNCTION_ARN", Some(context.invoked_function_arn)),
        ("BULKHEAD_DEADLINE_MS", Some(&*deadline)),
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
        ("BULKHEAD_FUNCTION_MEMORY_MB", Some(&*memory)),
        ("BULKHEAD_LOG_GROUP", Some(function.log_group)),
        ("BULKHEAD_LOG_STREAM", Some(function.log_stream)),
    ];
    variables.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_has_no_variable() {
        let context = types::Context {
            request_id: "8476a536",
            invoked_function_arn: "",
            deadline_ms: 1_542_409_706_888,
            tenant_id: Some("acme"),
            trace: types::TraceContext { xray: None, traceparent: None, tracestate: None, baggage: None },
            client_context: None,
            identity: Some(types::CognitoIdentity { identity_id: "id", identity_pool_id: "pool" }),
            function: types::FunctionSettings {
                name: "hello",
                version: "",
                log_group: "",
                log_stream: "",
                memory_mb: 128,
            },
        };
        let variables = variables(&context);
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
