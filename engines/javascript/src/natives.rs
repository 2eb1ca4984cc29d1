//! The functions in Rust that the prelude builds its globals from.

#![expect(clippy::needless_pass_by_value, reason = "rquickjs passes values")]

use rquickjs::{Ctx, Function, Object, Persistent, Result, Value};

use crate::quickjs::define_text;
use crate::{clock, json, platform, state};

mod bytes;
mod digest;
mod fetch;
mod inspect;
mod response;
mod text;
mod urls;

pub(crate) use bytes::new as new_bytes;
pub(crate) use text::{Text, passed_text, to_text, whole};

/// Makes the object of all functions.
pub(crate) fn install<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    macro_rules! functions {
        ($($name:literal: $function:expr,)*) => {
            $(natives.set($name, Function::new(ctx.clone(), $function)?.with_name($name)?)?;)*
        };
    }
    functions! {
        "beginResponse": response::begin,
        "cancel": fetch::cancel,
        "clone": bytes::clone,
        "decode": bytes::decode,
        "digest": digest::digest,
        "encodeUserinfo": urls::encode_userinfo,
        "encodeUtf8": bytes::encode,
        "environment": environment,
        "epoch": || milliseconds(clock::wall().saturating_sub(clock::monotonic())),
        "escapeHash": urls::escape_hash,
        "escapePath": urls::escape_path,
        "hmac": digest::hmac,
        "log": write_log,
        "now": || milliseconds(clock::monotonic()),
        "parseJson": fetch::parse_json,
        "parseQuery": urls::parse_query,
        "parseUrl": urls::parse_url,
        "random": random,
        "randomBytes": bytes::random,
        "readBody": fetch::read_body,
        "remainingTime": remaining_time,
        "send": fetch::send,
        "startTimer": start_timer,
        "stopTimer": |number: u32| state::with(|state| state.timers.borrow_mut().stop(number)),
        "streamResponse": || state::with(|state| state.streams.set(true)),
        "writeQuery": urls::write_query,
        "writeResponse": response::write,
    }
    Ok(natives)
}

fn write_log<'js>(ctx: Ctx<'js>, level: String, values: Vec<Value<'js>>) {
    let message = inspect::message(&ctx, &values);
    // A record of a logger, which has a level of its own.
    let is_record = matches!(&*values, [value] if value.is_string())
        && message.starts_with('{')
        && message.ends_with('}')
        && message.contains("\"level\"")
        && !message.contains('\n');
    match is_record && message.len() <= LONGEST_LINE {
        true => platform::print(format!("{message}\n").as_bytes()),
        false => log(&level, &message),
    }
}

/// The host cuts longer lines into several.
const LONGEST_LINE: usize = 30 * 1024;

/// Writes a record, in one line whatever is in the message.
pub(crate) fn log(level: &str, message: &str) {
    let mut end = message.len().min(LONGEST_LINE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    let mut line = format!("{{\"level\":\"{level}\",\"message\":").into_bytes();
    json::text(&mut line, &message.as_bytes()[..end]);
    line.extend_from_slice(b"}\n");
    platform::print(&line);
}

/// `kind` is 0 for a timer that ends when it is due, 1 for one that repeats, and 2 for one that no event waits for.
fn start_timer<'js>(ctx: Ctx<'js>, callback: Function<'js>, delay: f64, kind: u32) -> u32 {
    let callback = Persistent::save(&ctx, callback);
    state::with(|state| state.timers.borrow_mut().start(callback, delay, kind))
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds fit")]
fn remaining_time() -> f64 {
    let deadline = state::with(|state| state.deadline.get());
    deadline.saturating_sub(clock::wall() / 1_000_000) as f64
}

#[expect(clippy::cast_precision_loss, reason = "a clock is not exact to the nanosecond")]
fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

fn environment(ctx: Ctx<'_>) -> Result<Object<'_>> {
    let environment = Object::new(ctx)?;
    for (name, value) in platform::environment() {
        define_text(&environment, &name, &value)?;
    }
    Ok(environment)
}

/// `Math.random`: xorshift64*, as QuickJS has it, from a seed that differs in every sandbox.
fn random() -> f64 {
    let mut x = state::with(|state| state.random.get());
    while x == 0 {
        x = platform::random(8).iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
    }
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    state::with(|state| state.random.set(x));
    let bits = x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 12;
    f64::from_bits(0x3ff0_0000_0000_0000 | bits) - 1.0
}
