//! The writer: values to text.

use std::collections::BTreeSet;

use rquickjs::{Ctx, Exception, Value, qjs};

use super::calls::*;
use super::{number, text};
use crate::natives::whole;
use crate::state;

/// An exception is pending.
#[derive(Debug)]
pub(crate) struct Thrown;

/// Classes of QuickJS whose objects stand for what they wrap. `quickjs.c` has the numbers, and a test compares them.
const NUMBER: qjs::JSClassID = 4;
const STRING: qjs::JSClassID = 5;
const BOOLEAN: qjs::JSClassID = 6;
const BIG_INT: qjs::JSClassID = 35;
/// And the class of what `JSON.rawJSON` returns.
const RAW: qjs::JSClassID = 66;

/// How many names of members are remembered. Answers are lists of similar objects.
const NAMES: usize = 64;

/// How many open values are looked through one by one for a cycle.
const SHALLOW: usize = 32;

/// Writes a value. `None` if it has no text, as `undefined` and functions.
pub(crate) fn write(ctx: &Ctx<'_>, value: &Value<'_>) -> Result<Option<Vec<u8>>, Thrown> {
    let mut writer = Writer {
        js: ctx,
        ctx: ctx.as_raw().as_ptr(),
        out: Vec::with_capacity(256),
        open: Vec::new(),
        deep: BTreeSet::new(),
        names: [const { None }; NAMES],
    };
    let value = copy(writer.ctx, value.as_raw());
    let is_written = writer.begin(value, &Key::Document)?;
    while let Some(open) = writer.open.last_mut() {
        match open.next() {
            Some(member) => writer.member(member)?,
            None => writer.close(),
        }
    }
    Ok(is_written.then(|| std::mem::take(&mut writer.out)))
}

struct Writer<'a, 'js> {
    js: &'a Ctx<'js>,
    ctx: *mut qjs::JSContext,
    out: Vec<u8>,
    open: Vec<Open>,
    /// The values of `open` beyond the first ones.
    deep: BTreeSet<usize>,
    /// Names of members that were written, by their atoms.
    names: [Option<Name>; NAMES],
}

/// A name as it is written, with its colon. Its atom is counted, so that it stands for nothing else meanwhile.
struct Name {
    atom: qjs::JSAtom,
    text: Vec<u8>,
}

/// Where a value is.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Document,
    Element(u32),
    Member(qjs::JSAtom),
}

/// An array or an object that is being written.
pub(super) struct Open {
    pub(super) value: qjs::JSValue,
    at: u32,
    pub(super) length: u32,
    /// `None` of an array.
    pub(super) names: Option<*mut qjs::JSPropertyEnum>,
    is_empty: bool,
}

impl Open {
    fn next(&mut self) -> Option<Key> {
        let at = self.at;
        if at >= self.length {
            return None;
        }
        self.at += 1;
        Some(match self.names {
            None => Key::Element(at),
            Some(names) => Key::Member(name(names, at)),
        })
    }
}

impl Writer<'_, '_> {
    /// Writes an element or a member of the innermost open value.
    fn member(&mut self, key: Key) -> Result<(), Thrown> {
        let Some(open) = self.open.last() else { return Ok(()) };
        let (holder, is_empty) = (open.value, open.is_empty);
        let value = checked(get(self.ctx, holder, &key))?;
        let before = self.out.len();
        if !is_empty {
            self.out.push(b',');
        }
        if let Key::Member(name) = key
            && let Err(thrown) = self.name(name)
        {
            free(self.ctx, value);
            return Err(thrown);
        }
        let depth = self.open.len();
        if self.begin(value, &key)? {
            if let Some(open) = self.open.get_mut(depth - 1) {
                open.is_empty = false;
            }
        } else if matches!(key, Key::Member(_)) {
            self.out.truncate(before);
        } else {
            self.out.extend_from_slice(b"null");
            if let Some(open) = self.open.get_mut(depth - 1) {
                open.is_empty = false;
            }
        }
        Ok(())
    }

    fn name(&mut self, atom: qjs::JSAtom) -> Result<(), Thrown> {
        let place = atom as usize % NAMES;
        if let Some(name) = self.names[place].as_ref().filter(|name| name.atom == atom) {
            self.out.extend_from_slice(&name.text);
            return Ok(());
        }
        let before = self.out.len();
        let text = checked(name_text(self.ctx, atom))?;
        let written = self.string(text);
        free(self.ctx, text);
        written?;
        self.out.push(b':');
        let name = Name { atom: copy_atom(self.ctx, atom), text: self.out[before..].to_vec() };
        if let Some(name) = self.names[place].replace(name) {
            free_atom(self.ctx, name.atom);
        }
        Ok(())
    }

    /// Writes a simple value, or opens an array or an object. Takes the value. False if it has no text.
    fn begin(&mut self, value: qjs::JSValue, key: &Key) -> Result<bool, Thrown> {
        let value = self.replaced(value, key)?;
        let done = self.begin_replaced(value);
        if !matches!(done, Ok(Begun::Open)) {
            free(self.ctx, value);
        }
        Ok(!matches!(done?, Begun::Nothing))
    }

    fn begin_replaced(&mut self, value: qjs::JSValue) -> Result<Begun, Thrown> {
        match tag(value) {
            qjs::JS_TAG_NULL => self.out.extend_from_slice(b"null"),
            qjs::JS_TAG_BOOL => self.out.extend_from_slice(if boolean(value) { b"true" } else { b"false" }),
            qjs::JS_TAG_INT => number::write_integer(&mut self.out, integer(value)),
            qjs::JS_TAG_FLOAT64 => self.float(value)?,
            qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE => self.string(value)?,
            qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT => return Err(self.big_int()),
            qjs::JS_TAG_OBJECT => return self.object(value),
            _ => return Ok(Begun::Nothing),
        }
        Ok(Begun::Whole)
    }

    fn object(&mut self, value: qjs::JSValue) -> Result<Begun, Thrown> {
        if is_function(self.ctx, value) {
            return Ok(Begun::Nothing);
        }
        match class(value) {
            NUMBER => {
                let number = checked(to_number(self.ctx, value))?;
                return self.begin_replaced(number);
            }
            STRING => {
                let text = checked(to_string(self.ctx, value))?;
                let written = self.string(text);
                free(self.ctx, text);
                return written.map(|()| Begun::Whole);
            }
            BOOLEAN => return self.wrapped_boolean(value),
            BIG_INT => return Err(self.big_int()),
            RAW => {
                // Its own property, which cannot be changed.
                let text = checked(get(self.ctx, value, &Key::Member(qjs::JS_ATOM_rawJSON)))?;
                let written =
                    with_text(self.ctx, text, |text| self.out.extend_from_slice(whole(text).as_bytes()));
                free(self.ctx, text);
                return written.map(|()| Begun::Whole).ok_or(Thrown);
            }
            _ => {}
        }
        self.open(value)?;
        Ok(Begun::Open)
    }

    /// Writes what a `Boolean` wraps, which only the language's own `valueOf` says.
    fn wrapped_boolean(&mut self, value: qjs::JSValue) -> Result<Begun, Thrown> {
        let value_of = state::of_prelude(self.js, "booleanOf").map_err(|_| Thrown)?;
        let boolean = call(self.ctx, value_of.as_raw(), value, &Key::Document);
        self.begin_replaced(checked(boolean)?)
    }

    fn open(&mut self, value: qjs::JSValue) -> Result<(), Thrown> {
        let this = address(value);
        let is_shallow = self.open.iter().take(SHALLOW).any(|open| address(open.value) == this);
        if is_shallow || self.deep.contains(&this) {
            Exception::throw_type(self.js, "Converting circular structure to JSON");
            return Err(Thrown);
        }
        let is_array = is_array(self.ctx, value).ok_or(Thrown)?;
        let (names, length) = match is_array {
            true => (None, length(self.ctx, value).ok_or(Thrown)?),
            false => names(self.ctx, value).map(|(names, length)| (Some(names), length)).ok_or(Thrown)?,
        };
        if self.open.len() >= SHALLOW {
            self.deep.insert(this);
        }
        self.out.push(if is_array { b'[' } else { b'{' });
        self.open.push(Open { value, at: 0, length, names, is_empty: true });
        Ok(())
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.out.push(if open.names.is_none() { b']' } else { b'}' });
        self.deep.remove(&address(open.value));
        free_open(self.ctx, &open);
    }

    /// What `toJSON` makes of it. Takes the value.
    fn replaced(&self, value: qjs::JSValue, key: &Key) -> Result<qjs::JSValue, Thrown> {
        let has_one =
            matches!(tag(value), qjs::JS_TAG_OBJECT | qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT);
        if !has_one {
            return Ok(value);
        }
        let function = get(self.ctx, value, &Key::Member(qjs::JS_ATOM_toJSON));
        let replaced = match checked(function) {
            Ok(function) if is_function(self.ctx, function) => call(self.ctx, function, value, key),
            Ok(_) => copy(self.ctx, value),
            Err(Thrown) => function,
        };
        if !is_exception(function) {
            free(self.ctx, function);
        }
        free(self.ctx, value);
        checked(replaced)
    }

    fn float(&mut self, value: qjs::JSValue) -> Result<(), Thrown> {
        let number = float(value);
        if !number.is_finite() {
            self.out.extend_from_slice(b"null");
            return Ok(());
        }
        if number::write(&mut self.out, number) {
            return Ok(());
        }
        with_text(self.ctx, value, |text| self.out.extend_from_slice(text)).ok_or(Thrown)
    }

    fn string(&mut self, value: qjs::JSValue) -> Result<(), Thrown> {
        with_text(self.ctx, value, |text| text::write(&mut self.out, text)).ok_or(Thrown)
    }

    fn big_int(&self) -> Thrown {
        Exception::throw_type(self.js, "Do not know how to serialize a BigInt");
        Thrown
    }
}

fn checked(value: qjs::JSValue) -> Result<qjs::JSValue, Thrown> {
    if is_exception(value) { Err(Thrown) } else { Ok(value) }
}

/// What the beginning of a value was.
enum Begun {
    /// It has no text.
    Nothing,
    /// All of it.
    Whole,
    /// An array or an object, which was opened and has taken the value.
    Open,
}

impl Drop for Writer<'_, '_> {
    fn drop(&mut self) {
        for open in self.open.drain(..) {
            free_open(self.ctx, &open);
        }
        for name in self.names.iter_mut().filter_map(Option::take) {
            free_atom(self.ctx, name.atom);
        }
    }
}
