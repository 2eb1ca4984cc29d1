//! Requests: what `fetch.js` sends and reads through the SDK's client.

#![expect(clippy::needless_pass_by_value, reason = "rquickjs passes values")]

use bulkhead::client::http::{Method, Request, Response as Answer};
use bulkhead::client::{self, Body};
use rquickjs::{Array, Ctx, Error, Exception, Function, Persistent, Result, Value};

use super::{Text, bytes};
use crate::json::{self, Mistake};
use crate::platform;
use crate::quickjs::{new_array, new_text, new_texts, throw_type};
use crate::state::{self, Completion};

/// The two functions of a promise, until it is settled.
struct Settling {
    resolve: Persistent<Function<'static>>,
    reject: Persistent<Function<'static>>,
}

impl Settling {
    fn fulfil<'js>(self, ctx: &Ctx<'js>, value: Value<'js>) -> Result<()> {
        self.resolve.restore(ctx)?.call((value,))
    }

    fn fail(self, ctx: &Ctx<'_>, message: &str) -> Result<()> {
        throw_type(ctx, message);
        self.reject.restore(ctx)?.call((ctx.catch(),))
    }
}

/// The headers that belong to the connection, which the host makes. As in browsers, they are left out of a request that has
/// them: SDKs set `host`, because they sign it.
const OF_CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Sends a request: its method, URL, headers (names and values in turn) and body. Returns the number of the request.
pub(super) fn send<'js>(
    ctx: Ctx<'js>,
    parts: Array<'js>,
    resolve: Function<'js>,
    reject: Function<'js>,
) -> Result<u32> {
    let settling =
        Settling { resolve: Persistent::save(&ctx, resolve), reject: Persistent::save(&ctx, reject) };
    let (method, url): (Text, Text) = (parts.get(0)?, parts.get(1)?);
    let body: Value<'js> = parts.get(3)?;
    let body = if body.is_undefined() { Vec::new() } else { bytes::of(&ctx, &body)? };
    let request = made(&ctx, &method.0, &url.0, &parts.get::<Vec<Value<'js>>>(2)?, body)?;
    let future = async move {
        let sent = platform::client().execute(request).await;
        let completion: Completion = match sent {
            Ok(response) => Box::new(move |ctx: &Ctx<'_>| answered(ctx, settling, response)),
            Err(error) => Box::new(move |ctx: &Ctx<'_>| settling.fail(ctx, &error.to_string())),
        };
        completion
    };
    Ok(state::with(|state| state.add_pending(Box::pin(future))))
}

fn made(
    ctx: &Ctx<'_>,
    method: &str,
    url: &str,
    headers: &[Value<'_>],
    body: Vec<u8>,
) -> Result<Request<Vec<u8>>> {
    let invalid = |what: &str| throw_type(ctx, &format!("{method} {url}: its {what} is not valid"));
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| invalid("method"))?;
    // A fragment is not sent.
    let target = url.split_once('#').map_or(url, |(target, _)| target);
    let mut request = Request::builder().method(method).uri(target);
    let texts = headers.iter().map(|text| super::to_text(ctx, text).ok_or(Error::Exception));
    let texts = texts.collect::<Result<Vec<String>>>()?;
    for [name, value] in texts.as_chunks::<2>().0 {
        if OF_CONNECTION.iter().any(|header| name.eq_ignore_ascii_case(header)) {
            continue;
        }
        // Letters up to U+00FF are one byte each.
        let value: Vec<u8> = value.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
        request = request.header(name.as_str(), value);
    }
    request.body(body).map_err(|_| invalid("URL or one of its headers"))
}

fn answered(ctx: &Ctx<'_>, settling: Settling, response: client::Response) -> Result<()> {
    let (head, body): (_, Body) = Answer::into_parts(response.into_http());
    let mut headers = Vec::with_capacity(2 * head.headers.len());
    for (name, value) in &head.headers {
        headers.push(name.as_str().to_owned());
        headers.push(value.as_bytes().iter().map(|byte| char::from(*byte)).collect());
    }
    let headers = new_texts(ctx, &headers)?;
    let number = |number: u32| Value::new_number(ctx.clone(), number.into());
    let reason = new_text(ctx, head.status.canonical_reason().unwrap_or_default())?;
    let arriving = state::with(|state| state.add_body(body));
    let parts = [number(head.status.as_u16().into()), reason, headers, number(arriving)];
    settling.fulfil(ctx, new_array(ctx, &parts)?.into_value())
}

/// Reads a body, or its next piece, which is undefined at its end.
pub(super) fn read_body<'js>(
    ctx: Ctx<'js>,
    number: u32,
    is_whole: bool,
    resolve: Function<'js>,
    reject: Function<'js>,
) -> Result<()> {
    let settling =
        Settling { resolve: Persistent::save(&ctx, resolve), reject: Persistent::save(&ctx, reject) };
    let Some(mut body) = state::with(|state| state.take_body(number)) else {
        return settling.fail(&ctx, "the body was cancelled");
    };
    let future = async move {
        let read = if is_whole { whole(&mut body).await.map(Some) } else { body.chunk().await };
        let completion: Completion = match read {
            Ok(read) => Box::new(move |ctx: &Ctx<'_>| {
                let Some(read) = read else {
                    return settling.fulfil(ctx, Value::new_undefined(ctx.clone()));
                };
                if !is_whole {
                    state::with(|state| state.put_body(number, body));
                }
                let array = bytes::new(ctx, &read)?;
                settling.fulfil(ctx, array)
            }),
            Err(why) => Box::new(move |ctx: &Ctx<'_>| settling.fail(ctx, &why)),
        };
        completion
    };
    // Under the number of the body, so that giving up the body gives this up.
    state::with(|state| state.put_pending(number, Box::pin(future)));
    Ok(())
}

async fn whole(body: &mut Body) -> std::result::Result<Vec<u8>, String> {
    let mut all = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        // The only piece is not copied.
        if all.is_empty() { all = chunk } else { all.extend_from_slice(&chunk) }
    }
    Ok(all)
}

/// Gives up a request, or a body.
pub(super) fn cancel(number: u32) {
    state::with(|state| {
        drop(state.take_body(number));
        state.cancel(number);
    });
}

/// A body is decoded as the Web does it: without a mark at its beginning, and with U+FFFD for what is not UTF-8.
pub(super) fn parse_json<'js>(ctx: Ctx<'js>, text: Value<'js>) -> Result<Value<'js>> {
    let bytes = bytes::of(&ctx, &text)?;
    let text = String::from_utf8_lossy(bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes));
    json::read(&ctx, text.as_bytes()).map_err(|mistake| match mistake {
        Mistake::Exception => Error::Exception,
        Mistake::Syntax { what, line, column } => {
            let message = format!("the body is not valid JSON: {what} at line {line} column {column}");
            Exception::throw_syntax(&ctx, &message)
        }
    })
}
