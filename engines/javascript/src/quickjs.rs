//! What several files need where they call QuickJS's C functions themselves.

use std::ffi::c_int;

use rquickjs::{Array, Ctx, Error, Exception, IntoJs, Object, Result, Value, qjs};

/// A length for QuickJS.
pub(crate) fn size(length: usize) -> qjs::size_t {
    qjs::size_t::try_from(length).unwrap_or(qjs::size_t::MAX)
}

/// A length from QuickJS.
pub(crate) fn length(size: qjs::size_t) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// A value that a function of QuickJS has returned, or the exception.
pub(crate) fn owned<'js>(ctx: &Ctx<'js>, value: qjs::JSValue) -> Result<Value<'js>> {
    #[expect(unsafe_code, reason = "a value from a function of QuickJS")]
    // SAFETY: such a value belongs to its caller.
    let value = unsafe { Value::from_raw(ctx.clone(), value) };
    if value.is_exception() { Err(Error::Exception) } else { Ok(value) }
}

/// A text as a value.
pub(crate) fn new_text<'js>(ctx: &Ctx<'js>, text: &str) -> Result<Value<'js>> {
    text.into_js(ctx)
}

/// Defines a property as scripts do it: no setter that an object inherits sees it.
///
/// The name is made a string of QuickJS first: its own function for names in UTF-8 looks for these bytes among names in Latin-1, and
/// finds `Ã©` for `é`.
pub(crate) fn define<'js>(object: &Object<'js>, name: &str, value: &Value<'js>) -> Result<()> {
    let ctx = object.ctx();
    let name = new_text(ctx, name)?;
    let raw = ctx.as_raw().as_ptr();
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: the context and the values are valid. The call takes a copy of the value, and the atom is freed.
    let defined = unsafe {
        let atom = qjs::JS_ValueToAtom(raw, name.as_raw());
        if atom == qjs::JS_ATOM_NULL {
            return Err(Error::Exception);
        }
        let value = qjs::JS_DupValue(raw, value.as_raw());
        let flags = qjs::JS_PROP_C_W_E.cast_signed();
        let defined = qjs::JS_DefinePropertyValue(raw, object.as_raw(), atom, value, flags);
        qjs::JS_FreeAtom(raw, atom);
        defined
    };
    if defined < 0 { Err(Error::Exception) } else { Ok(()) }
}

/// The same of a text.
pub(crate) fn define_text(object: &Object<'_>, name: &str, text: &str) -> Result<()> {
    define(object, name, &new_text(object.ctx(), text)?)
}

/// An array of these values, which no setter of `Array.prototype` sees.
pub(crate) fn new_array<'js>(ctx: &Ctx<'js>, values: &[Value<'js>]) -> Result<Array<'js>> {
    let raw = ctx.as_raw().as_ptr();
    let count = c_int::try_from(values.len()).unwrap_or(c_int::MAX);
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: the context and the values are valid; QuickJS owns the copies that it is passed, or frees them.
    let array = unsafe {
        let copies: Vec<qjs::JSValue> =
            values.iter().map(|value| qjs::JS_DupValue(raw, value.as_raw())).collect();
        qjs::JS_NewArrayFrom(raw, count, copies.as_ptr())
    };
    owned(ctx, array)?.into_array().ok_or(Error::Unknown)
}

/// The same of texts.
pub(crate) fn new_texts<'js>(ctx: &Ctx<'js>, texts: &[String]) -> Result<Value<'js>> {
    let mut values = Vec::with_capacity(texts.len());
    for text in texts {
        values.push(new_text(ctx, text)?);
    }
    new_array(ctx, &values).map(Array::into_value)
}

/// Throws a `TypeError`. The function of rquickjs cuts the message after 255 bytes, and at a zero, which a text of a script may have.
pub(crate) fn throw_type(ctx: &Ctx<'_>, message: &str) -> Error {
    Exception::throw_type(ctx, "");
    let error = ctx.catch();
    match error.as_object().map_or(Ok(()), |error| error.set("message", message)) {
        Ok(()) => ctx.throw(error),
        Err(error) => error,
    }
}

/// A text in lower case. The tables of Rust would be part of the memory that is reset for each event, beside those of QuickJS.
pub(crate) fn lower_case(text: &str) -> String {
    let mut lower = String::with_capacity(text.len());
    for character in text.chars() {
        let mut all = [0; MOST_OF_ONE];
        #[expect(unsafe_code, reason = "a call of QuickJS")]
        // SAFETY: it reads its tables only, and writes no more characters than there is room for.
        let count = unsafe { lre_case_conv(all.as_mut_ptr(), character.into(), TO_LOWER) };
        let count = usize::try_from(count).unwrap_or(0);
        lower.extend(all.iter().take(count).filter_map(|character| char::from_u32(*character)));
    }
    lower
}

/// `LRE_CC_RES_LEN_MAX` and the conversion to lower case, of `libunicode.h`.
const MOST_OF_ONE: usize = 3;
const TO_LOWER: c_int = 1;

#[expect(unsafe_code, reason = "a function of QuickJS")]
unsafe extern "C" {
    fn lre_case_conv(to: *mut u32, character: u32, conversion: c_int) -> c_int;
}

#[cfg(test)]
mod tests {
    #[test]
    fn characters_are_in_lower_case_as_rust_has_them() {
        for character in (0..=0x0010_ffff).filter_map(char::from_u32) {
            let text = character.to_string();
            // At the end of a word Rust has another one.
            if character != 'Σ' {
                assert_eq!(super::lower_case(&text), text.to_lowercase(), "{:x}", u32::from(character));
            }
        }
        assert_eq!(super::lower_case("MÜNCHEN.Example ΣΑΣ"), "münchen.example σας".replace('ς', "σ"));
    }
}
