//! The two arguments of a handler: the event, and Lambda's context as handlers for Node.js know it; and the request of a service.

use bulkhead::bindings::lambda::bulkhead::lambda::types;
use rquickjs::{Array, Ctx, Object, Result, Value};

use crate::bindings::engine::bulkhead::lambda::script_http::Request;
use crate::failure::{Failure, new, of_exception};
use crate::json::{self, Mistake};
use crate::{natives, state};

/// The event. No bytes at all count as `null`, as they do for handlers in Rust.
pub(crate) fn read<'js>(ctx: &Ctx<'js>, event: &[u8]) -> std::result::Result<Value<'js>, Failure> {
    let text: &[u8] = if event.is_empty() { b"null" } else { event };
    json::read(ctx, text).map_err(|mistake| match mistake {
        Mistake::Exception => of_exception(ctx),
        Mistake::Syntax { what, line, column } => {
            let message = format!("the event is not valid JSON: {what} at line {line} column {column}");
            new("EventUnmarshalError", message)
        }
    })
}

/// The context.
pub(crate) fn context<'js>(ctx: &Ctx<'js>, context: types::Context) -> Result<Object<'js>> {
    let function = context.function;
    let object: Object<'js> = state::of_prelude(ctx, "newContext")?.call((
        context.request_id,
        context.invoked_function_arn,
        function.name,
        function.version,
        function.memory_mb.to_string(),
        function.log_group,
        function.log_stream,
    ))?;
    if let Some(tenant) = context.tenant_id {
        object.set("tenantId", tenant)?;
    }
    if let Some(client) = context.client_context {
        // The host has read it before.
        match json::read(ctx, client.as_bytes()) {
            Ok(client) => object.set("clientContext", client)?,
            Err(Mistake::Exception) => return Err(rquickjs::Error::Exception),
            Err(Mistake::Syntax { .. }) => {}
        }
    }
    if let Some(identity) = context.identity {
        let cognito = Object::new(ctx.clone())?;
        cognito.set("cognitoIdentityId", identity.identity_id)?;
        cognito.set("cognitoIdentityPoolId", identity.identity_pool_id)?;
        object.set("identity", cognito)?;
    }
    if let Some(trace) = context.trace.xray {
        object.set("xRayTraceId", trace)?;
    }
    Ok(object)
}

/// A request, in parts: its method, its URL, its headers (names and values in turn), and the bytes of its body.
pub(crate) fn request<'js>(ctx: &Ctx<'js>, request: Request) -> Result<Array<'js>> {
    let parts = Array::new(ctx.clone())?;
    parts.set(0, request.method)?;
    parts.set(1, request.url)?;
    let headers = request.headers.into_iter().flat_map(|(name, value)| [name, value]);
    parts.set(2, headers.collect::<Vec<String>>())?;
    let body = request.body;
    parts.set(
        3,
        if body.is_empty() { Value::new_null(ctx.clone()) } else { natives::new_bytes(ctx, &body)? },
    )?;
    Ok(parts)
}
