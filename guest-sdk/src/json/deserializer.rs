//! Answers serde's requests to a [`Reader`] for each kind of value, and reports values of another kind.

use std::borrow::Cow;

use serde::de::value::MapDeserializer;
use serde::de::{Deserializer, Error, Expected, Unexpected, Visitor};

use super::Result;
use super::fault::Fault;
use super::nested::{Elements, Entries, UnitVariant, Variant};
use super::reader::Reader;

/// The name by which serde_json's `RawValue` requests itself, and the key of the map that it accepts.
pub(super) const RAW_VALUE: &str = "$serde_json::private::RawValue";

impl<'de> Reader<'de> {
    /// There is a value, but of another kind.
    #[cold]
    pub(super) fn unfit(&mut self, expected: &dyn Expected) -> Fault {
        let unexpected = match self.token() {
            Some(b'n') => Unexpected::Unit,
            Some(b't') => Unexpected::Bool(true),
            Some(b'f') => Unexpected::Bool(false),
            Some(b'[') => Unexpected::Seq,
            Some(b'{') => Unexpected::Map,
            Some(b'-' | b'0'..=b'9') => return self.unfit_number(expected),
            Some(b'"') => {
                return self.string().map_or_else(
                    |fault| fault,
                    |text| Fault::invalid_type(Unexpected::Str(&text), expected),
                );
            }
            _ => return self.expected("a value"),
        };
        Fault::invalid_type(unexpected, expected)
    }

    fn visit_text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    /// For a type that keeps the text.
    fn visit_owned_text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        visitor.visit_string(self.owned_string()?)
    }

    fn visit_list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.require(b'[')?;
        self.enter()?;
        let value = visitor.visit_seq(Elements::new(self))?;
        self.leave();
        self.require(b']')?;
        Ok(value)
    }

    /// Any value, as the text that was sent.
    pub(super) fn visit_raw<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.token();
        let start = self.at();
        self.skip()?;
        let raw = std::str::from_utf8(self.between(start, self.at()));
        let raw = raw.map_err(|_| Fault::new("a value is not valid Unicode"))?;
        visitor.visit_map(MapDeserializer::new(std::iter::once((RAW_VALUE, raw))))
    }

    fn visit_object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.require(b'{')?;
        self.enter()?;
        let value = visitor.visit_map(Entries::new(self))?;
        self.leave();
        self.require(b'}')?;
        Ok(value)
    }
}

/// A kind of value that begins with a fixed character.
macro_rules! begins_with {
    ($($sign:literal $method:ident($($argument:ident: $type:ty),*) => $visit:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value> {
            if self.token() == Some($sign) { self.$visit(visitor) } else { Err(self.unfit(&visitor)) }
        })*
    };
}

macro_rules! numbers {
    ($($method:ident => $visit:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.$visit(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.token() {
            Some(b'n') => self.deserialize_unit(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            Some(b'-' | b'0'..=b'9') => self.visit_any_number(visitor),
            Some(b'"') => self.visit_text(visitor),
            Some(b'[') => self.visit_list(visitor),
            Some(b'{') => self.visit_object(visitor),
            _ => Err(self.expected("a value")),
        }
    }

    numbers! {
        deserialize_i8 => visit_number
        deserialize_i16 => visit_number
        deserialize_i32 => visit_number
        deserialize_i64 => visit_number
        deserialize_u8 => visit_number
        deserialize_u16 => visit_number
        deserialize_u32 => visit_number
        deserialize_u64 => visit_number
        deserialize_f32 => visit_number
        deserialize_f64 => visit_number
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let integer = self.wide(&visitor)?;
        visitor.visit_i128(integer)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let integer = self.wide(&visitor)?;
        visitor.visit_u128(integer)
    }

    begins_with! {
        b'"' deserialize_char() => visit_text;
        b'"' deserialize_str() => visit_text;
        b'"' deserialize_string() => visit_owned_text;
        b'"' deserialize_identifier() => visit_text;
        b'[' deserialize_seq() => visit_list;
        b'[' deserialize_tuple(_length: usize) => visit_list;
        b'[' deserialize_tuple_struct(_name: &'static str, _length: usize) => visit_list;
        b'{' deserialize_map() => visit_object;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.token() {
            Some(b't') => self.word(b"true").and_then(|()| visitor.visit_bool(true)),
            Some(b'f') => self.word(b"false").and_then(|()| visitor.visit_bool(false)),
            _ => Err(self.unfit(&visitor)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.token() != Some(b'n') {
            return Err(self.unfit(&visitor));
        }
        self.word(b"null")?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.token() != Some(b'n') {
            return visitor.visit_some(self);
        }
        self.word(b"null")?;
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name != RAW_VALUE {
            return visitor.visit_newtype_struct(self);
        }
        self.visit_raw(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.token() {
            Some(b'{') => self.visit_object(visitor),
            Some(b'[') => self.visit_list(visitor),
            _ => Err(self.unfit(&visitor)),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.token() {
            Some(b'"') => match self.bytes()? {
                Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
                Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
            },
            Some(b'[') => self.visit_list(visitor),
            _ => Err(self.unfit(&visitor)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.token() {
            Some(b'"') => visitor.visit_enum(UnitVariant(self)),
            Some(b'{') => {
                self.require(b'{')?;
                self.enter()?;
                let value = visitor.visit_enum(Variant(self))?;
                self.leave();
                self.require(b'}')?;
                Ok(value)
            }
            _ => Err(self.unfit(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.skip()?;
        visitor.visit_unit()
    }
}
