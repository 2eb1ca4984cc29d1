//! Converts a number: to an integer or a float by its form and size, or to its digits if serde_json keeps
//! those.
//!
//! Any crate in a handler can enable serde_json's feature `arbitrary_precision`, as `rust_decimal` and
//! `bigdecimal` do. Then `serde_json::Value` and the types of such crates expect a number that does not fit
//! an integer of 64 bits as a map with its digits. Without the feature they would read that map as an object.

use serde::de::value::MapDeserializer;
use serde::de::{Expected, Visitor};
use serde_json::Number;

use super::Result;
use super::fault::Fault;
use super::reader::Reader;

/// The only key of such a map.
const DIGITS: &str = "$serde_json::private::Number";

/// Whether serde_json keeps digits. If so, `Number` has an `as_str` of its own, which takes precedence over
/// that of a trait.
pub(super) const KEEPS_DIGITS: bool = is_text(|number| number.as_str());

const fn is_text<T: AsStr>(_: fn(&'static Number) -> T) -> bool {
    T::IS_TEXT
}

/// The return type of `as_str`.
trait AsStr {
    const IS_TEXT: bool;
}

impl AsStr for &str {
    const IS_TEXT: bool = true;
}

impl AsStr for () {
    const IS_TEXT: bool = false;
}

#[allow(dead_code, reason = "it replaces a method that exists only with the feature")]
trait NoDigits {
    fn as_str(&self) {}
}

impl NoDigits for Number {}

impl<'de> Reader<'de> {
    /// For a type that requests a number.
    pub(super) fn visit_number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let Some(b'-' | b'0'..=b'9') = self.token() else {
            return Err(self.unfit(&visitor));
        };
        self.visit_integer_or(visitor, rounded)
    }

    /// The next number, for a type that accepts any value.
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
        if let Some(unsigned) = self.short_integer() {
            return visitor.visit_u64(unsigned);
        }
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

    /// A number that must be an integer of 128 bits.
    pub(super) fn wide<T: std::str::FromStr>(&mut self, expected: &dyn Expected) -> Result<T> {
        let Some(b'-' | b'0'..=b'9') = self.token() else {
            return Err(self.unfit(expected));
        };
        let (text, _) = self.number()?;
        text.parse().map_err(|_| Fault::new(format!("this is the number `{text}`; expected {expected}")))
    }

    /// Shows the number as it was sent.
    pub(super) fn unfit_number(&mut self, expected: &dyn Expected) -> Fault {
        match self.number() {
            Ok((text, _)) => Fault::new(format!("this is the number `{text}`; expected {expected}")),
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

/// The digits in serde_json's format: the exponent has a lower-case `e` and a sign.
fn kept<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value> {
    let digits = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) if exponent.starts_with(['+', '-']) => [digits, "e", exponent].concat(),
        Some((digits, exponent)) => [digits, "e+", exponent].concat(),
        None => text.to_owned(),
    };
    visitor.visit_map(MapDeserializer::new(std::iter::once((DIGITS, digits))))
}
