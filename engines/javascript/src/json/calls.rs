//! The calls of QuickJS that the reader and the writer need. The context is the one that they were given, which outlives them, and
//! the values are of it.

#![expect(unsafe_code, reason = "QuickJS is C")]

use std::ffi::c_char;

use rquickjs::qjs;

use super::text::Text;
use super::write::{Key, Open};
use crate::quickjs::{length as length_of, size};

type Context = *mut qjs::JSContext;

pub(super) fn new_object(ctx: Context) -> qjs::JSValue {
    // SAFETY: the context is valid.
    unsafe { qjs::JS_NewObject(ctx) }
}

pub(super) fn new_string(ctx: Context, text: &Text<'_>) -> qjs::JSValue {
    let utf8 = match text {
        Text::Plain(text) => text,
        Text::Unescaped(text) => text.as_str(),
        Text::Halves(units) => {
            // SAFETY: the context is valid, and QuickJS copies the units.
            return unsafe { qjs::JS_NewStringUTF16(ctx, units.as_ptr(), size(units.len())) };
        }
    };
    // SAFETY: the context is valid, and QuickJS copies the bytes.
    unsafe { qjs::JS_NewStringLen(ctx, utf8.as_ptr().cast::<c_char>(), size(utf8.len())) }
}

/// What QuickJS makes of a number.
pub(super) fn new_long_number(ctx: Context, text: &[u8]) -> qjs::JSValue {
    // SAFETY: the context is valid, and QuickJS copies the bytes; the string is ours.
    unsafe {
        let string = qjs::JS_NewStringLen(ctx, text.as_ptr().cast::<c_char>(), size(text.len()));
        if qjs::JS_IsException(string) {
            return string;
        }
        let number = qjs::JS_ToNumber(ctx, string);
        qjs::JS_FreeValue(ctx, string);
        number
    }
}

/// QuickJS looks for the bytes among texts in Latin-1 first, where those of `é` would be `Ã©`.
pub(super) fn new_atom(ctx: Context, name: &str) -> qjs::JSAtom {
    if !name.is_ascii() {
        return take_atom(ctx, new_string(ctx, &Text::Plain(name)));
    }
    // SAFETY: the context is valid, and QuickJS copies the bytes.
    unsafe { qjs::JS_NewAtomLen(ctx, name.as_ptr().cast::<c_char>(), size(name.len())) }
}

/// The atom of a string, which is freed. None of an exception.
pub(super) fn take_atom(ctx: Context, string: qjs::JSValue) -> qjs::JSAtom {
    if is_exception(string) {
        return qjs::JS_ATOM_NULL;
    }
    // SAFETY: the context is valid, and the string is ours.
    unsafe {
        let atom = qjs::JS_ValueToAtom(ctx, string);
        qjs::JS_FreeValue(ctx, string);
        atom
    }
}

pub(super) fn copy_atom(ctx: Context, atom: qjs::JSAtom) -> qjs::JSAtom {
    // SAFETY: the context is valid, and so is the atom.
    unsafe { qjs::JS_DupAtom(ctx, atom) }
}

pub(super) fn free_atom(ctx: Context, atom: qjs::JSAtom) {
    // SAFETY: the context is valid, and the atom is ours, or none.
    unsafe { qjs::JS_FreeAtom(ctx, atom) }
}

pub(super) fn free(ctx: Context, value: qjs::JSValue) {
    // SAFETY: the context is valid, and the value is ours.
    unsafe { qjs::JS_FreeValue(ctx, value) }
}

/// Takes the values.
pub(super) fn new_array(ctx: Context, values: &[qjs::JSValue]) -> qjs::JSValue {
    let count = i32::try_from(values.len()).unwrap_or(i32::MAX);
    // SAFETY: the context is valid, and the values are ours; QuickJS owns or frees them.
    unsafe { qjs::JS_NewArrayFrom(ctx, count, values.as_ptr()) }
}

/// Defines a member, and takes the value. A member `__proto__` is one like any other.
pub(super) fn define(ctx: Context, object: qjs::JSValue, name: qjs::JSAtom, value: qjs::JSValue) -> bool {
    // SAFETY: the context is valid, the object and the value are ours.
    unsafe { qjs::JS_DefinePropertyValue(ctx, object, name, value, qjs::JS_PROP_C_W_E.cast_signed()) >= 0 }
}

pub(super) fn copy(ctx: Context, value: qjs::JSValue) -> qjs::JSValue {
    // SAFETY: as above.
    unsafe { qjs::JS_DupValue(ctx, value) }
}

pub(super) fn tag(value: qjs::JSValue) -> i32 {
    // SAFETY: it looks at the tag.
    unsafe { qjs::JS_VALUE_GET_NORM_TAG(value) }
}

pub(super) fn is_exception(value: qjs::JSValue) -> bool {
    // SAFETY: it looks at the tag.
    unsafe { qjs::JS_IsException(value) }
}

pub(super) fn boolean(value: qjs::JSValue) -> bool {
    // SAFETY: the tag was checked.
    unsafe { qjs::JS_VALUE_GET_BOOL(value) }
}

pub(super) fn integer(value: qjs::JSValue) -> i32 {
    // SAFETY: the tag was checked.
    unsafe { qjs::JS_VALUE_GET_INT(value) }
}

pub(super) fn float(value: qjs::JSValue) -> f64 {
    // SAFETY: the tag was checked.
    unsafe { qjs::JS_VALUE_GET_FLOAT64(value) }
}

pub(super) fn address(value: qjs::JSValue) -> usize {
    // SAFETY: the tag was checked. The pointer is not followed.
    unsafe { qjs::JS_VALUE_GET_PTR(value) as usize }
}

pub(super) fn is_function(ctx: Context, value: qjs::JSValue) -> bool {
    // SAFETY: as above.
    unsafe { qjs::JS_IsFunction(ctx, value) }
}

pub(super) fn class(value: qjs::JSValue) -> qjs::JSClassID {
    // SAFETY: it is an object.
    unsafe { qjs::JS_GetClassID(value) }
}

/// Whether it is an array, or a proxy of one. `None` if an exception is pending, as for a proxy that was revoked.
pub(super) fn is_array(ctx: Context, value: qjs::JSValue) -> Option<bool> {
    let mut inner = copy(ctx, value);
    // SAFETY: as above; each target of a proxy is freed.
    unsafe {
        while qjs::JS_IsProxy(inner) {
            let target = qjs::JS_GetProxyTarget(ctx, inner);
            free(ctx, inner);
            if is_exception(target) {
                return None;
            }
            inner = target;
        }
        let is = qjs::JS_IsArray(inner);
        free(ctx, inner);
        Some(is)
    }
}

pub(super) fn length(ctx: Context, value: qjs::JSValue) -> Option<u32> {
    let mut length = 0;
    // SAFETY: as above.
    let result = unsafe { qjs::JS_GetLength(ctx, value, &raw mut length) };
    (result >= 0).then(|| u32::try_from(length.max(0)).unwrap_or(u32::MAX))
}

pub(super) fn names(ctx: Context, value: qjs::JSValue) -> Option<(*mut qjs::JSPropertyEnum, u32)> {
    let (mut names, mut length) = (std::ptr::null_mut(), 0);
    let flags = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY).cast_signed();
    // SAFETY: as above; what it returns is freed with the open object.
    let result = unsafe { qjs::JS_GetOwnPropertyNames(ctx, &raw mut names, &raw mut length, value, flags) };
    (result >= 0).then_some((names, length))
}

pub(super) fn name(names: *mut qjs::JSPropertyEnum, at: u32) -> qjs::JSAtom {
    // SAFETY: the place is within the list, which is freed with the open object.
    unsafe { (*names.add(at as usize)).atom }
}

pub(super) fn free_open(ctx: Context, open: &Open) {
    if let Some(names) = open.names {
        // SAFETY: it is the list that QuickJS has made.
        unsafe { qjs::JS_FreePropertyEnum(ctx, names, open.length) };
    }
    free(ctx, open.value);
}

pub(super) fn get(ctx: Context, holder: qjs::JSValue, key: &Key) -> qjs::JSValue {
    // SAFETY: as above.
    unsafe {
        match key {
            Key::Document => qjs::JS_DupValue(ctx, holder),
            Key::Element(at) => qjs::JS_GetPropertyUint32(ctx, holder, *at),
            Key::Member(name) => qjs::JS_GetProperty(ctx, holder, *name),
        }
    }
}

pub(super) fn name_text(ctx: Context, name: qjs::JSAtom) -> qjs::JSValue {
    // SAFETY: as above.
    unsafe { qjs::JS_AtomToString(ctx, name) }
}

pub(super) fn to_number(ctx: Context, value: qjs::JSValue) -> qjs::JSValue {
    // SAFETY: as above.
    unsafe { qjs::JS_ToNumber(ctx, value) }
}

pub(super) fn to_string(ctx: Context, value: qjs::JSValue) -> qjs::JSValue {
    // SAFETY: as above.
    unsafe { qjs::JS_ToString(ctx, value) }
}

pub(super) fn call(ctx: Context, function: qjs::JSValue, this: qjs::JSValue, key: &Key) -> qjs::JSValue {
    // SAFETY: as above.
    unsafe {
        let mut key = match key {
            Key::Document => qjs::JS_NewStringLen(ctx, c"".as_ptr(), 0),
            Key::Element(at) => {
                let at = at.to_string();
                qjs::JS_NewStringLen(ctx, at.as_ptr().cast::<c_char>(), size(at.len()))
            }
            Key::Member(name) => qjs::JS_AtomToString(ctx, *name),
        };
        let result = qjs::JS_Call(ctx, function, this, 1, &raw mut key);
        qjs::JS_FreeValue(ctx, key);
        result
    }
}

/// The text of a string or a number. `None` if an exception is pending.
pub(super) fn with_text(ctx: Context, value: qjs::JSValue, with: impl FnOnce(&[u8])) -> Option<()> {
    let mut length = 0;
    // SAFETY: as above; the text is freed after its use.
    unsafe {
        let text = qjs::JS_ToCStringLen2(ctx, &raw mut length, value, false);
        if text.is_null() {
            return None;
        }
        with(std::slice::from_raw_parts(text.cast::<u8>(), length_of(length)));
        qjs::JS_FreeCString(ctx, text);
    }
    Some(())
}
