//! What a guest is told about its event, as `wit/` has it.

use crate::allowance::Allowance;
use crate::bindings::bulkhead::lambda::types;
use crate::config::FunctionSettings;
use crate::invocation::{Caller, Invocation};

/// The context of one event.
pub(super) fn of(
    function: &FunctionSettings,
    invocation: &Invocation,
    caller: Caller,
    allowance: Allowance,
) -> types::Context {
    let function = function.clone();
    types::Context {
        request_id: invocation.id.request_id.clone(),
        invoked_function_arn: caller.invoked_function_arn,
        deadline_ms: allowance.ends_ms(),
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
