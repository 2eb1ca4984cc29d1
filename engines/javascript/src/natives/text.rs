//! Strings of scripts as strings of Rust. Halves of surrogate pairs become U+FFFD, as the Web has it.

use std::ffi::c_char;
use std::ptr::null_mut;

use rquickjs::{Ctx, Error, FromJs, Result, Value, qjs};

use crate::quickjs::length;

/// The text of any value.
pub(crate) struct Text(pub(crate) String);

impl<'js> FromJs<'js> for Text {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        to_text(ctx, &value).map(Self).ok_or(Error::Exception)
    }
}

/// The text of any value; an exception is pending if there is none.
pub(crate) fn to_text(ctx: &Ctx<'_>, value: &Value<'_>) -> Option<String> {
    let ctx = ctx.as_raw().as_ptr();
    let mut found = 0;
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: the context and the value are valid; the text is freed after it was copied.
    unsafe {
        let text = qjs::JS_ToCStringLen2(ctx, &raw mut found, value.as_raw(), false);
        if text.is_null() {
            return None;
        }
        let copy = whole(std::slice::from_raw_parts(text.cast(), length(found)));
        qjs::JS_FreeCString(ctx, text);
        Some(copy)
    }
}

/// The text that QuickJS passes as a C string, with what follows a zero in it: the C string is the content of a string in UTF-8, and
/// there `JS_FreeCString` finds it, too. An exception is pending if there is none.
#[expect(unsafe_code, reason = "QuickJS does not say how long the text is")]
pub(crate) unsafe fn passed_text(ctx: &Ctx<'_>, passed: *const c_char) -> Option<String> {
    let ctx = ctx.as_raw().as_ptr();
    // SAFETY: the context is valid. Strings of QuickJS begin equally far before their contents, so one tells where the other begins,
    // which QuickJS keeps until its call has ended.
    unsafe {
        let other = qjs::JS_NewStringLen(ctx, c"a".as_ptr(), 1);
        let content = qjs::JS_ToCStringLen2(ctx, null_mut(), other, false);
        if content.is_null() {
            return None;
        }
        let before = content.addr().checked_sub(qjs::JS_VALUE_GET_PTR(other).addr())?;
        qjs::JS_FreeCString(ctx, content);
        qjs::JS_FreeValue(ctx, other);
        let string = qjs::JS_MKPTR(qjs::JS_TAG_STRING, passed.byte_sub(before).cast_mut().cast());
        let found = qjs::JS_VALUE_GET_INT(qjs::JS_GetPropertyStr(ctx, string, c"length".as_ptr()));
        Some(whole(std::slice::from_raw_parts(passed.cast(), usize::try_from(found).ok()?)))
    }
}

/// UTF-8 in which QuickJS has encoded halves as if they were characters.
pub(crate) fn whole(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(text) if out.is_empty() => return text.to_owned(),
            Ok(text) => {
                out.push_str(text);
                return out;
            }
            Err(error) => {
                let (valid, broken) = rest.split_at(error.valid_up_to());
                out.push_str(&String::from_utf8_lossy(valid));
                out.push('\u{fffd}');
                rest = broken.get(3..).unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn halves_are_replaced() {
        assert_eq!(whole("aä".as_bytes()), "aä");
        assert_eq!(whole(b"a\xed\xa0\xbdb\xed\xb8\x80"), "a\u{fffd}b\u{fffd}");
    }
}
