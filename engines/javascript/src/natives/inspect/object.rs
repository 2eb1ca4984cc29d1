//! Objects of all kinds as text.

use rquickjs::{Array, Function, Type, Value, qjs};

use super::properties::{self, Property};
use super::{DEPTH, MEMBERS, View};
use crate::state;

/// Objects whose contents only the prelude can see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    Map,
    Set,
    /// It has a text: a date or a regular expression.
    Text,
}

fn special(value: &Value<'_>) -> Option<Special> {
    let raw = value.as_raw();
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: the value is valid. They look at its class.
    unsafe {
        if qjs::JS_IsMap(raw) {
            Some(Special::Map)
        } else if qjs::JS_IsSet(raw) {
            Some(Special::Set)
        } else {
            (qjs::JS_IsDate(raw) || qjs::JS_IsRegExp(raw)).then_some(Special::Text)
        }
    }
}

fn is_typed_array(value: &Value<'_>) -> bool {
    #[expect(unsafe_code, reason = "a call of QuickJS")]
    // SAFETY: the value is valid. It looks at its class.
    let kind = unsafe { qjs::JS_GetTypedArrayType(value.as_raw()) };
    kind >= 0
}

impl<'js> View<'_, 'js> {
    /// Writes an object by its kind.
    pub(super) fn members(&mut self, value: &Value<'js>) {
        let class = self.class(value);
        let kind = value.type_of();
        if matches!(kind, Type::Function | Type::Constructor) {
            self.function(value);
        } else if kind == Type::Exception {
            self.error(value);
        } else if kind == Type::Promise {
            self.push("[Promise]");
        } else if kind == Type::Array {
            self.list("", value, properties::length_of(self.ctx, value));
        } else if is_typed_array(value) {
            let length = properties::length_of_bytes(self.ctx, value);
            self.list(&class.unwrap_or_default(), value, length);
        } else if let Some(special) = special(value) {
            self.special(special, value);
        } else {
            self.plain(class.as_deref(), value);
        }
    }

    /// The name of its class, unless that is `Object`.
    fn class(&self, value: &Value<'js>) -> Option<String> {
        let constructor = properties::inherited(self.ctx, value, "constructor")?;
        let name = properties::text(self.ctx, &constructor, "name")?;
        (name != "Object" && !name.is_empty()).then_some(name)
    }

    fn function(&mut self, value: &Value<'js>) {
        let name = properties::text(self.ctx, value, "name").unwrap_or_default();
        self.push(&if name.is_empty() { "[Function]".to_owned() } else { format!("[Function: {name}]") });
    }

    /// Its name and message, and its frames in lines of their own.
    fn error(&mut self, value: &Value<'js>) {
        let name = properties::text(self.ctx, value, "name").unwrap_or_else(|| "Error".to_owned());
        self.push(&name);
        if let Some(message) =
            properties::text(self.ctx, value, "message").filter(|message| !message.is_empty())
        {
            self.push(": ");
            self.push(&message);
        }
        let stack =
            properties::text(self.ctx, value, "stack").or_else(|| self.stack(value)).unwrap_or_default();
        for frame in crate::failure::frames(&stack) {
            self.push("\n    ");
            self.push(&frame);
        }
        if let Some(cause) =
            properties::inherited(self.ctx, value, "cause").filter(|cause| !cause.is_undefined())
        {
            self.push("\n  cause: ");
            self.nested(&cause);
        }
    }

    /// The stack that QuickJS has kept of an error.
    fn stack(&self, error: &Value<'js>) -> Option<String> {
        let stack: rquickjs::Result<Value<'js>> =
            state::of_prelude(self.ctx, "stackOf").and_then(|get: Function<'js>| get.call((error.clone(),)));
        match stack {
            Ok(stack) if stack.is_string() => super::to_text(self.ctx, &stack),
            Ok(_) => None,
            Err(_) => {
                self.ctx.catch();
                None
            }
        }
    }

    /// A value in another one.
    fn nested(&mut self, value: &Value<'js>) {
        if self.is_full() {
            return;
        }
        if value.is_object() && !value.is_function() && self.open.len() > DEPTH {
            self.push(match () {
                () if value.is_array() => "[Array]",
                () if value.is_error() => "[Error]",
                () => "[Object]",
            });
        } else {
            self.value(value);
        }
    }

    fn list(&mut self, class: &str, value: &Value<'js>, length: usize) {
        if !class.is_empty() {
            self.push(&format!("{class}({length}) "));
        }
        self.push("[");
        for place in 0..length.min(MEMBERS) {
            if self.is_full() {
                return;
            }
            self.push(if place == 0 { " " } else { ", " });
            let Ok(index) = i32::try_from(place) else { return };
            match properties::own(self.ctx, value, &Value::new_int(self.ctx.clone(), index)) {
                Some(Property::Value(value)) => self.nested(&value),
                Some(Property::Accessor) => self.push("[Getter]"),
                None => self.push("<empty>"),
            }
        }
        self.end(length, " ]", "]");
    }

    /// The end of a list, and how many members were left out.
    fn end(&mut self, length: usize, end: &str, end_of_empty: &str) {
        if length > MEMBERS {
            self.push(&format!(", … {} more", length - MEMBERS));
        }
        self.push(if length > 0 { end } else { end_of_empty });
    }

    fn plain(&mut self, class: Option<&str>, value: &Value<'js>) {
        if let Some(class) = class {
            self.push(class);
            self.push(" ");
        }
        let (names, length) = properties::names(self.ctx, value, MEMBERS);
        self.push("{");
        for (place, name) in names.iter().enumerate() {
            if self.is_full() {
                return;
            }
            self.push(if place == 0 { " " } else { ", " });
            self.name(name);
            self.push(": ");
            match properties::own(self.ctx, value, name) {
                Some(Property::Value(value)) => self.nested(&value),
                Some(Property::Accessor) => self.push("[Getter]"),
                None => self.push("undefined"),
            }
        }
        self.end(length, " }", "}");
    }

    fn name(&mut self, name: &Value<'js>) {
        if !name.is_string() {
            self.push("[");
            self.value(name);
            return self.push("]");
        }
        let text = super::to_text(self.ctx, name).unwrap_or_default();
        let is_word = text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
            && !text.is_empty()
            && !text.starts_with(|c: char| c.is_ascii_digit());
        if is_word { self.push(&text) } else { self.quoted(name) }
    }

    fn special(&mut self, special: Special, value: &Value<'js>) {
        let described = state::of_prelude(self.ctx, "describe")
            .and_then(|describe: Function<'js>| describe.call::<_, Value<'js>>((value.clone(),)));
        let Ok(described) = described else {
            self.ctx.catch();
            return;
        };
        match described.as_array() {
            Some(members) => self.collection(special, members),
            None => self.text(&described),
        }
    }

    fn collection(&mut self, special: Special, members: &Array<'js>) {
        let length = if special == Special::Map { members.len() / 2 } else { members.len() };
        self.push(&format!("{}({length}) {{", if special == Special::Map { "Map" } else { "Set" }));
        for place in 0..length.min(MEMBERS) {
            if self.is_full() {
                return;
            }
            self.push(if place == 0 { " " } else { ", " });
            let at = if special == Special::Map { 2 * place } else { place };
            if let Ok(member) = members.get::<Value<'js>>(at) {
                self.nested(&member);
            }
            if special == Special::Map
                && let Ok(value) = members.get::<Value<'js>>(at + 1)
            {
                self.push(" => ");
                self.nested(&value);
            }
        }
        self.end(length, " }", "}");
    }
}
