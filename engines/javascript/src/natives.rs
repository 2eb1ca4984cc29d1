//! The functions in Rust that the prelude builds its globals from.

use rquickjs::prelude::Rest;
use rquickjs::{Ctx, Function, Object, Persistent, Result, Value, qjs};

use crate::{clock, json, platform, state};

mod inspect;

/// Makes the object of all functions.
pub(crate) fn install<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    macro_rules! function {
        ($name:literal, $function:expr) => {
            natives.set($name, Function::new(ctx.clone(), $function)?.with_name($name)?)?
        };
    }
    function!("log", write_log);
    function!("startTimer", start_timer);
    function!("stopTimer", |number: u32| state::with(|state| state.timers.borrow_mut().stop(number)));
    function!("remainingTime", remaining_time);
    function!("random", random);
    Ok(natives)
}

/// The text of any value; an exception is pending if there is none.
pub(crate) fn to_text(ctx: &Ctx<'_>, value: &Value<'_>) -> Option<String> {
    let ctx = ctx.as_raw().as_ptr();
    let mut length = 0;
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: the context and the value are valid; the text is freed after it was copied.
    unsafe {
        let text = qjs::JS_ToCStringLen2(ctx, &raw mut length, value.as_raw(), false);
        if text.is_null() {
            return None;
        }
        let copy = String::from_utf8_lossy(std::slice::from_raw_parts(text.cast(), length as usize)).into_owned();
        qjs::JS_FreeCString(ctx, text);
        Some(copy)
    }
}

fn write_log<'js>(ctx: Ctx<'js>, level: String, values: Rest<Value<'js>>) {
    log(&level, &inspect::message(&ctx, &values.0));
}

/// The host cuts longer lines into several.
const LONGEST_LINE: usize = 30 * 1024;

/// Writes a record. An object of JSON in one line is one of a logger, and has its own level.
pub(crate) fn log(level: &str, message: &str) {
    let is_record = message.starts_with('{') && message.ends_with('}') && !message.contains('\n');
    if is_record && message.len() <= LONGEST_LINE {
        return platform::print(format!("{message}\n").as_bytes());
    }
    let mut end = message.len().min(LONGEST_LINE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    let mut line = format!("{{\"level\":\"{level}\",\"message\":").into_bytes();
    json::text(&mut line, message[..end].as_bytes());
    line.extend_from_slice(b"}\n");
    platform::print(&line);
}

fn start_timer<'js>(ctx: Ctx<'js>, callback: Function<'js>, delay: f64, repeats: bool) -> u32 {
    let callback = Persistent::save(&ctx, callback);
    state::with(|state| state.timers.borrow_mut().start(callback, delay, repeats))
}

#[expect(clippy::cast_precision_loss, reason = "these are milliseconds")]
fn remaining_time() -> f64 {
    let deadline = state::with(|state| state.deadline.get());
    deadline.saturating_sub(clock::wall() / 1_000_000) as f64
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
