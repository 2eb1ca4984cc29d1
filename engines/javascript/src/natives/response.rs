//! Responses that are not what the handler returns: what `service.js` begins and writes.

#![expect(clippy::needless_pass_by_value, reason = "rquickjs passes values")]

use std::rc::Rc;

use rquickjs::{Array, Ctx, Function, Persistent, Result, Value};

use super::{Text, bytes};
use crate::bindings::engine::bulkhead::lambda::response_stream::{HttpHead, OpenError, ResponseHead};
use crate::platform::{self, Output};
use crate::quickjs::throw_type;
use crate::state::{self, Completion};

/// Begins the response with a content type, or with a status, headers (names and values in turn) and cookies. `answers` says whether
/// it is the answer to the request that the event is.
pub(super) fn begin<'js>(ctx: Ctx<'js>, head: Value<'js>, answers: bool) -> Result<()> {
    let begun = match head.as_array() {
        Some(parts) => {
            let head = http_head(parts)?;
            match answers {
                true => platform::respond(&head),
                false => platform::open(&ResponseHead::Http(head)),
            }
        }
        None => platform::open(&ResponseHead::ContentType(head.get::<Text>()?.0)),
    };
    let why = match begun {
        Ok(output) => {
            state::with(|state| state.response.replace(Some(Rc::new(output))));
            return Ok(());
        }
        Err(OpenError::Invalid(why)) => why,
        Err(OpenError::Opened) => "the response has begun already".to_owned(),
        Err(OpenError::Unsupported) => {
            "the event is part of a batch whose responses are combined, so its response cannot be streamed"
                .to_owned()
        }
    };
    Err(throw_type(&ctx, &why))
}

fn http_head(parts: &Array<'_>) -> Result<HttpHead> {
    // Not a status, if it does not fit.
    let status = parts.get::<f64>(0)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let status = if status.fract() == 0.0 { status as u16 } else { 0 };
    let headers: Vec<Text> = parts.get(1)?;
    let cookies: Vec<Text> = parts.get(2)?;
    let mut headers = headers.into_iter().map(|text| text.0);
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (headers.next(), headers.next()) {
        pairs.push((name, value));
    }
    Ok(HttpHead { status, headers: pairs, cookies: cookies.into_iter().map(|text| text.0).collect() })
}

/// Writes bytes to the response. Returns whether the caller still reads it, if there is room for all of them; otherwise `done` is
/// called with that.
pub(super) fn write<'js>(ctx: Ctx<'js>, value: Value<'js>, done: Function<'js>) -> Result<Option<bool>> {
    let Some(output) = state::with(|state| state.response.borrow().clone()) else { return Ok(Some(false)) };
    let rest = bytes::with(&ctx, &value, |bytes| match write_now(&output, bytes) {
        Ok(written) => Ok(bytes[written..].to_vec()),
        Err(Closed) => Err(Closed),
    })?;
    let rest = match rest {
        Ok(rest) if rest.is_empty() => return Ok(Some(true)),
        Ok(rest) => rest,
        Err(Closed) => return Ok(Some(false)),
    };
    let done = Persistent::save(&ctx, done);
    let future = async move {
        let is_read = write_all(&output, &rest).await;
        let completion: Completion =
            Box::new(move |ctx: &Ctx<'_>| done.restore(ctx)?.call::<_, ()>((is_read,)));
        completion
    };
    state::with(|state| state.add_pending(Box::pin(future)));
    Ok(None)
}

/// The caller reads no more.
struct Closed;

/// Writes as many of the bytes as there is room for.
fn write_now(output: &Output, bytes: &[u8]) -> std::result::Result<usize, Closed> {
    let mut written = 0;
    while written < bytes.len() {
        let room = output.room().ok_or(Closed)?;
        if room == 0 {
            break;
        }
        let end = bytes.len().min(written + room);
        if !output.write(&bytes[written..end]) {
            return Err(Closed);
        }
        written = end;
    }
    Ok(written)
}

/// Waits for room until all bytes are written. False if the caller reads no more.
async fn write_all(output: &Output, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        output.ready().await;
        match write_now(output, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Closed) => return false,
        }
    }
    true
}
