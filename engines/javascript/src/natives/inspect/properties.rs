//! Properties of objects, without calling the script.

use rquickjs::{Ctx, Function, Value, qjs};

use crate::quickjs::owned;
use crate::state;

/// A property of an object.
pub(super) enum Property<'js> {
    Value(Value<'js>),
    /// A getter or a setter.
    Accessor,
}

/// The names of an object's own enumerable properties, and whether each is a symbol, but not more than `most` of them.
pub(super) fn names<'js>(ctx: &Ctx<'js>, object: &Value<'js>, most: usize) -> (Vec<Value<'js>>, usize) {
    let raw = ctx.as_raw().as_ptr();
    let (mut list, mut length) = (std::ptr::null_mut(), 0);
    let flags = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_SYMBOL_MASK | qjs::JS_GPN_ENUM_ONLY).cast_signed();
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: the context and the object are valid, and no place is beyond the list, which is freed.
    unsafe {
        if qjs::JS_GetOwnPropertyNames(raw, &raw mut list, &raw mut length, object.as_raw(), flags) < 0 {
            ctx.catch();
            return (Vec::new(), 0);
        }
        let count = length as usize;
        let value = |place| owned(ctx, qjs::JS_AtomToValue(raw, (*list.add(place)).atom)).ok();
        let names = (0..count.min(most)).filter_map(value).collect();
        qjs::JS_FreePropertyEnum(raw, list, length);
        (names, count)
    }
}

/// An own property.
pub(super) fn own<'js>(ctx: &Ctx<'js>, object: &Value<'js>, name: &Value<'js>) -> Option<Property<'js>> {
    let raw = ctx.as_raw().as_ptr();
    let nothing = qjs::JS_UNDEFINED;
    let mut found = qjs::JSPropertyDescriptor { flags: 0, value: nothing, getter: nothing, setter: nothing };
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: the context and the values are valid. What is found belongs to us.
    let (result, value) = unsafe {
        let atom = qjs::JS_ValueToAtom(raw, name.as_raw());
        let result = qjs::JS_GetOwnProperty(raw, &raw mut found, object.as_raw(), atom);
        qjs::JS_FreeAtom(raw, atom);
        if result <= 0 {
            if result < 0 {
                ctx.catch();
            }
            return None;
        }
        qjs::JS_FreeValue(raw, found.getter);
        qjs::JS_FreeValue(raw, found.setter);
        (found.flags, owned(ctx, found.value).ok()?)
    };
    let is_accessor = result & qjs::JS_PROP_GETSET.cast_signed() != 0;
    Some(if is_accessor { Property::Accessor } else { Property::Value(value) })
}

/// A property with this name that is a value, of the object or of what it inherits from.
pub(super) fn inherited<'js>(ctx: &Ctx<'js>, object: &Value<'js>, name: &str) -> Option<Value<'js>> {
    let name = rquickjs::String::from_str(ctx.clone(), name).ok()?.into_value();
    let mut at = object.clone();
    // A chain may be long, and ends with null.
    for _ in 0..16 {
        if !at.is_object() || at.is_proxy() {
            return None;
        }
        match own(ctx, &at, &name) {
            Some(Property::Value(value)) => return Some(value),
            Some(Property::Accessor) => return None,
            None => at = at.as_object()?.get_prototype()?.into_value(),
        }
    }
    None
}

/// The same, if it is a text.
pub(super) fn text<'js>(ctx: &Ctx<'js>, object: &Value<'js>, name: &str) -> Option<String> {
    let value = inherited(ctx, object, name)?;
    if value.is_string() { super::to_text(ctx, &value) } else { None }
}

/// The length of an array, which cannot be anything else.
pub(super) fn length_of(ctx: &Ctx<'_>, array: &Value<'_>) -> usize {
    let mut length = 0;
    #[expect(unsafe_code, reason = "a call of QuickJS")]
    // SAFETY: the context and the array are valid.
    let result = unsafe { qjs::JS_GetLength(ctx.as_raw().as_ptr(), array.as_raw(), &raw mut length) };
    if result < 0 {
        ctx.catch();
    }
    usize::try_from(length).unwrap_or(0)
}

/// The length of a typed array. Its property `length` is a getter, which the script may have replaced; this is the language's own.
pub(super) fn length_of_bytes<'js>(ctx: &Ctx<'js>, array: &Value<'js>) -> usize {
    let length: rquickjs::Result<f64> =
        state::of_prelude(ctx, "lengthOf").and_then(|get: Function<'js>| get.call((array.clone(),)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a length")]
    match length {
        Ok(length) => length as usize,
        Err(_) => {
            ctx.catch();
            0
        }
    }
}

/// The description of a symbol.
pub(super) fn description(ctx: &Ctx<'_>, symbol: &Value<'_>) -> String {
    let raw = ctx.as_raw().as_ptr();
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: the context and the symbol are valid.
    let text = unsafe {
        let atom = qjs::JS_ValueToAtom(raw, symbol.as_raw());
        let text = qjs::JS_AtomToString(raw, atom);
        qjs::JS_FreeAtom(raw, atom);
        owned(ctx, text)
    };
    text.ok().and_then(|text| super::to_text(ctx, &text)).unwrap_or_default()
}
