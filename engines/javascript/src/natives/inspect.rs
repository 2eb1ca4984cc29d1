//! Values as text for the log, in one line, and not longer than a line may be.
//!
//! Nothing of the script is called: neither getters, nor proxies, nor `toString`. [`crate::script`]'s values are looked at through
//! their own properties only.

mod object;
mod properties;

use rquickjs::{Ctx, Type, Value};

use super::{LONGEST_LINE, to_text};

/// How deep objects are shown, and how many members of each.
const DEPTH: usize = 4;
const MEMBERS: usize = 100;

/// The text of all arguments of a call of `console`.
pub(super) fn message<'js>(ctx: &Ctx<'js>, values: &[Value<'js>]) -> String {
    let mut view = View { ctx, out: String::new(), open: Vec::new() };
    let rest = match values {
        [first, rest @ ..] if first.is_string() && !rest.is_empty() => {
            let format = to_text(ctx, first).unwrap_or_default();
            view.formatted(&format, rest)
        }
        values => values,
    };
    for (place, value) in rest.iter().enumerate() {
        let is_first = place == 0 && rest.len() == values.len();
        if !is_first {
            view.out.push(' ');
        }
        match value.is_string() {
            true => view.text(value),
            false => view.value(value),
        }
    }
    view.out
}

/// A text that is being made.
struct View<'a, 'js> {
    ctx: &'a Ctx<'js>,
    out: String,
    /// The objects that the current value is in.
    open: Vec<Value<'js>>,
}

impl<'js> View<'_, 'js> {
    /// Puts the values into a format as `printf` has it, and returns those that are left.
    fn formatted<'v>(&mut self, format: &str, values: &'v [Value<'js>]) -> &'v [Value<'js>] {
        let mut rest = values;
        let mut parts = format.split('%');
        self.out.push_str(parts.next().unwrap_or_default());
        let mut is_escaped = false;
        for part in parts {
            if std::mem::take(&mut is_escaped) {
                self.out.push_str(part);
                continue;
            }
            let letter = part.chars().next();
            let Some((value, left)) =
                rest.split_first().filter(|_| letter.is_some_and(|c| "sdifjoOc".contains(c)))
            else {
                self.out.push('%');
                self.out.push_str(part);
                // `%%` is one of them.
                is_escaped = part.is_empty();
                continue;
            };
            rest = left;
            match letter {
                Some('c') => {}
                Some('d' | 'i' | 'f') => self.number(value, letter == Some('i')),
                Some('s') if value.is_string() => self.text(value),
                _ => self.value(value),
            }
            self.out.push_str(part.get(1..).unwrap_or_default());
        }
        rest
    }

    fn number(&mut self, value: &Value<'js>, truncates: bool) {
        match value.as_number() {
            Some(number) => {
                let number = if truncates { number.trunc() } else { number };
                self.value(&Value::new_number(self.ctx.clone(), number));
            }
            None => self.out.push_str("NaN"),
        }
    }

    /// A string, or what has a text without calling the script.
    fn text(&mut self, value: &Value<'js>) {
        match to_text(self.ctx, value) {
            Some(text) => self.push(&text),
            None => {
                self.ctx.catch();
            }
        }
    }

    fn push(&mut self, text: &str) {
        let room = LONGEST_LINE.saturating_sub(self.out.len());
        let mut end = text.len().min(room);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.out.push_str(&text[..end]);
    }

    fn is_full(&self) -> bool {
        self.out.len() >= LONGEST_LINE
    }

    fn quoted(&mut self, value: &Value<'js>) {
        let text = to_text(self.ctx, value).unwrap_or_default();
        let text = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        self.out.push(quote);
        self.push(&if quote == '\'' { text.replace('\'', "\\'") } else { text });
        self.out.push(quote);
    }

    fn value(&mut self, value: &Value<'js>) {
        match value.type_of() {
            Type::String => self.quoted(value),
            Type::Symbol => {
                let description = properties::description(self.ctx, value);
                self.push(&format!("Symbol({description})"));
            }
            Type::Float if value.as_float().is_some_and(|float| float == 0.0 && float.is_sign_negative()) => {
                self.push("-0");
            }
            Type::BigInt => {
                self.text(value);
                self.push("n");
            }
            Type::Proxy => self.push("[Proxy]"),
            Type::Uninitialized | Type::Undefined | Type::Null | Type::Bool | Type::Int | Type::Float => {
                self.text(value)
            }
            Type::Array
            | Type::Constructor
            | Type::Function
            | Type::Promise
            | Type::Exception
            | Type::Object
            | Type::Module
            | Type::Unknown => self.object(value),
        }
    }

    fn object(&mut self, value: &Value<'js>) {
        // Objects behind a proxy are not what they seem.
        if value.is_proxy() {
            return self.push("[Proxy]");
        }
        if self.open.contains(value) {
            return self.push("[Circular]");
        }
        self.open.push(value.clone());
        self.members(value);
        self.open.pop();
    }
}
