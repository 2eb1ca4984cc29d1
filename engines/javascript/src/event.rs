//! The two arguments of a handler: the event, and Lambda's context as handlers for Node.js know it; and the request of a service.

use bulkhead::bindings::lambda::bulkhead::lambda::types;
use rquickjs::{Array, Ctx, Object, Result, Value};

use crate::bindings::engine::bulkhead::lambda::script_http::Request;
use crate::failure::{Failure, new, of_exception};
use crate::json::{self, Mistake};
use crate::quickjs::{define, define_text, new_array, new_text, new_texts};
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
        define_text(&object, "tenantId", &tenant)?;
    }
    if let Some(client) = context.client_context {
        // The host has read it before.
        match json::read(ctx, client.as_bytes()) {
            Ok(client) => define(&object, "clientContext", &client)?,
            Err(Mistake::Exception) => return Err(rquickjs::Error::Exception),
            Err(Mistake::Syntax { .. }) => {}
        }
    }
    if let Some(identity) = context.identity {
        let cognito = Object::new(ctx.clone())?;
        define_text(&cognito, "cognitoIdentityId", &identity.identity_id)?;
        define_text(&cognito, "cognitoIdentityPoolId", &identity.identity_pool_id)?;
        define(&object, "identity", &cognito)?;
    }
    if let Some(trace) = context.trace.xray {
        define_text(&object, "xRayTraceId", &trace)?;
    }
    Ok(object)
}

/// A request, in parts: its method, its URL, its headers (names and values in turn), and the bytes of its body.
pub(crate) fn request<'js>(ctx: &Ctx<'js>, request: Request) -> Result<Array<'js>> {
    let headers: Vec<String> = request.headers.into_iter().flat_map(|(name, value)| [name, value]).collect();
    let headers = new_texts(ctx, &headers)?;
    let body = match request.body {
        body if body.is_empty() => Value::new_null(ctx.clone()),
        body => natives::new_bytes(ctx, &body)?,
    };
    new_array(ctx, &[new_text(ctx, &request.method)?, new_text(ctx, &request.url)?, headers, body])
}
