//! Owns what a number becomes: of the kind that it is by its looks and size, or its digits, where serde_json keeps those.
//!
//! Any crate that a handler is linked with can switch serde_json's feature `arbitrary_precision` on, as `rust_decimal` and
//! `bigdecimal` do. Then `serde_json::Value`, and the types of such crates, take a number that is no integer of 64 bits as a map
//! with its digits. Without the feature they would take that for an object.

use serde::de::value::MapDeserializer;
use serde::de::{Expected, Visitor};
use serde_json::Number;

use super::Result;
use super::fault::Fault;
use super::reader::Reader;

/// The only key of such a map.
const DIGITS: &str = "$serde_json::private::Number";

/// Whether serde_json keeps digits. Then `Number` has an `as_str` of its own, which goes before that of a trait.
pub(super) const KEEPS_DIGITS: bool = is_text(|number| number.as_str());

const fn is_text<T: AsStr>(_: fn(&'static Number) -> T) -> bool {
    T::IS_TEXT
}

/// What an `as_str` returns.
trait AsStr {
    const IS_TEXT: bool;
}

impl AsStr for &str {
    const IS_TEXT: bool = true;
}

impl AsStr for () {
    const IS_TEXT: bool = false;
}

#[allow(dead_code, reason = "it stands in for a method that is there with the feature")]
trait NoDigits {
    fn as_str(&self) {}
}

impl NoDigits for Number {}

impl<'de> Reader<'de> {
    /// For a type that wants a number.
    pub(super) fn visit_number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let Some(b'-' | b'0'..=b'9') = self.token() else {
            return Err(self.unfit(&visitor));
        };
        self.visit_integer_or(visitor, rounded)
    }

    /// A number that is next, for a type that takes whatever there is.
    pub(super) fn visit_any_number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        if KEEPS_DIGITS {
            self.visit_integer_or(visitor, kept)
        } else {
            self.visit_integer_or(visitor, rounded)
        }
    }

    fn visit_integer_or<V: Visitor<'de>>(
        &mut self,
        visitor: V,
        visit_other: fn(&str, V) -> Result<V::Value>,
    ) -> Result<V::Value> {
        let (text, is_integer) = self.number()?;
        if is_integer && text != "-0" {
            if let Ok(unsigned) = text.parse() {
                return visitor.visit_u64(unsigned);
            }
            if let Ok(signed) = text.parse() {
                return visitor.visit_i64(signed);
            }
        }
        visit_other(text, visitor)
    }

    /// A number that has to be an integer of 128 bits.
    pub(super) fn wide<T: std::str::FromStr>(&mut self, expected: &dyn Expected) -> Result<T> {
        let Some(b'-' | b'0'..=b'9') = self.token() else {
            return Err(self.unfit(expected));
        };
        let (text, _) = self.number()?;
        text.parse().map_err(|_| Fault::new(format!("invalid type: number `{text}`, expected {expected}")))
    }

    /// Shown as it was sent.
    pub(super) fn unfit_number(&mut self, expected: &dyn Expected) -> Fault {
        match self.number() {
            Ok((text, _)) => Fault::new(format!("invalid type: number `{text}`, expected {expected}")),
            Err(fault) => fault,
        }
    }
}

fn rounded<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value> {
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => visitor.visit_f64(float),
        _ => Err(Fault::new(format!("the number `{text}` is too large"))),
    }
}

/// As serde_json hands digits over: the exponent has a small `e` and a sign.
fn kept<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value> {
    let digits = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) if exponent.starts_with(['+', '-']) => [digits, "e", exponent].concat(),
        Some((digits, exponent)) => [digits, "e+", exponent].concat(),
        None => text.to_owned(),
    };
    visitor.visit_map(MapDeserializer::new(std::iter::once((DIGITS, digits))))
}
