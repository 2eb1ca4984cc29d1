//! A JSON pointer (RFC 6901) to the tenant's id in an event, and the id that it points to.
//!
//! There are two extensions to the RFC. A string on the way is parsed as JSON, since queues and topics carry
//! JSON in strings. And a pointer into the records of a batch applies to every record, whatever index it
//! contains: a batch in which only one record is checked would be a way into another tenant's sandbox.

use std::borrow::Cow;
use std::fmt::{self, Formatter};
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The keys of records in batches: SQS, SNS, S3, Kinesis, DynamoDB; and Firehose.
const RECORDS: [&str; 2] = ["Records", "records"];

const TWICE: &str = "a key on the way to it occurs twice";

/// The place of the tenant's id in an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    tokens: Vec<String>,
}

/// Not a valid JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It is empty, which means the event itself, or does not start with a slash.
    #[error("a JSON pointer starts with a slash, such as \"/detail/tenant\"")]
    Start,
    /// A tilde that is not a valid escape.
    #[error("a tilde must be followed by 0, for a tilde itself, or by 1, for a slash")]
    Escape,
    /// It ends at the records, or at one of them.
    #[error(
        "a record is not a tenant id; point to a value in each record, such as \"/Records/*/eventSourceARN\""
    )]
    Record,
}

/// The value that a pointer points to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Found {
    /// A string.
    Text(Arc<str>),
    /// Missing, or null.
    Nothing,
    /// Another value than a string, or an ambiguous path. The text gives the reason.
    Unclear(&'static str),
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tokens = text.strip_prefix('/').ok_or(PointerError::Start)?;
        let tokens: Vec<_> = tokens.split('/').map(token).collect::<Result<_, _>>()?;
        if tokens.len() < 3 && RECORDS.contains(&tokens[0].as_str()) {
            return Err(PointerError::Record);
        }
        Ok(Self { tokens })
    }
}

fn token(escaped: &str) -> Result<String, PointerError> {
    let bad = escaped.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1']));
    // In this order, so that `~01` is `~1` (RFC 6901, section 4).
    if bad { Err(PointerError::Escape) } else { Ok(escaped.replace("~1", "/").replace("~0", "~")) }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.tokens.iter().try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

impl Pointer {
    /// The name of the array of records that it points into, and the pointer within each record.
    pub(crate) fn within_records(&self) -> Option<(&str, &[String])> {
        match self.tokens.as_slice() {
            [records, _, within @ ..] if RECORDS.contains(&records.as_str()) => Some((records, within)),
            _ => None,
        }
    }

    /// Whether it points into each record of a batch.
    pub fn is_within_records(&self) -> bool {
        self.within_records().is_some()
    }

    /// The value in an event that is not a batch.
    pub(crate) fn find(&self, event: &str) -> Found {
        find(event, &self.tokens)
    }
}

/// The value that `tokens` point to in this JSON text.
pub(crate) fn find(json: &str, tokens: &[String]) -> Found {
    let json = json.trim_ascii_start();
    let Some((token, rest)) = tokens.split_first() else {
        return text(json);
    };
    let step = match json.as_bytes().first() {
        Some(b'{') => step(json, Member(token)),
        Some(b'[') => match token.parse() {
            Ok(index) => step(json, Element(index)),
            Err(_) => return Found::Nothing,
        },
        // JSON in a string: its text is searched instead.
        Some(b'"') => {
            return match serde_json::from_str::<Cow<'_, str>>(json) {
                Ok(inner) => find(&inner, tokens),
                Err(_) => Found::Nothing,
            };
        }
        _ => return Found::Nothing,
    };
    match step {
        Ok(Step::To(value)) => find(value.get(), rest),
        Ok(Step::Twice) => Found::Unclear(TWICE),
        Ok(Step::Nowhere) | Err(_) => Found::Nothing,
    }
}

fn text(json: &str) -> Found {
    match json.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<String>(json) {
            Ok(text) => Found::Text(text.into()),
            Err(_) => Found::Nothing,
        },
        Some(b'n') | None => Found::Nothing,
        Some(_) => Found::Unclear("it is not a string"),
    }
}

/// The result of following one token.
enum Step<'a> {
    To(&'a RawValue),
    Nowhere,
    /// The key occurs more than once. JSON parsers differ in which one they use, and the handler's may use
    /// the other one.
    Twice,
}

fn step<'a, S>(json: &'a str, seed: S) -> serde_json::Result<Step<'a>>
where
    S: DeserializeSeed<'a, Value = Step<'a>>,
{
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let step = seed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(step)
}

struct Member<'t>(&'t str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Step<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Step<'de>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the key {:?}", self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut step = Step::Nowhere;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key != self.0 {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value()?;
            step = if matches!(step, Step::Nowhere) { Step::To(value) } else { Step::Twice };
        }
        Ok(step)
    }
}

struct Element(usize);

impl<'de> DeserializeSeed<'de> for Element {
    type Value = Step<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Element {
    type Value = Step<'de>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "an array with the index {}", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut step = Step::Nowhere;
        let mut index = 0;
        while let Some(value) = elements.next_element::<&RawValue>()? {
            if index == self.0 {
                step = Step::To(value);
            }
            index += 1;
        }
        Ok(step)
    }
}

/// The elements of the array under this key, each as its JSON text; `None` if there is no such array.
///
/// # Errors
/// The reason why this is ambiguous.
pub(crate) fn records<'a>(event: &'a str, key: &str) -> Result<Option<Vec<&'a RawValue>>, &'static str> {
    match step(event, Member(key)) {
        Ok(Step::To(array)) => {
            Ok(Vec::deserialize(&mut serde_json::Deserializer::from_str(array.get())).ok())
        }
        Ok(Step::Twice) => Err(TWICE),
        Ok(Step::Nowhere) | Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::{Just, Strategy, any};
    use proptest::{prop_oneof, proptest};
    use serde_json::Value;

    use super::*;

    fn at(pointer: &str, event: &str) -> Found {
        pointer.parse::<Pointer>().unwrap().find(event)
    }

    fn text_at(pointer: &str, event: &str) -> String {
        match at(pointer, event) {
            Found::Text(text) => text.to_string(),
            other @ (Found::Nothing | Found::Unclear(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pointer_reads_as_it_was_written() {
        for text in ["/a", "/a/0/b", "/", "/a~1b/m~0n", "/Records/*/body/tenant"] {
            assert_eq!(text.parse::<Pointer>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_pointer_says_why() {
        for (text, error) in [
            ("", PointerError::Start),
            ("a/b", PointerError::Start),
            ("/a~2", PointerError::Escape),
            ("/a~", PointerError::Escape),
            ("/Records", PointerError::Record),
            ("/records/0", PointerError::Record),
        ] {
            assert_eq!(text.parse::<Pointer>(), Err(error), "{text}");
        }
    }

    #[test]
    fn objects_arrays_and_escapes_lead_to_the_value() {
        let event = r#" {"detail": {"a/b": [0, {"m~n": "acme"}]}, "x": 1}"#;
        assert_eq!(text_at("/detail/a~1b/1/m~0n", event), "acme");
        assert_eq!(text_at("/t", r#"{"\u0074": "by its \u00e9scape"}"#), "by its éscape");
    }

    /// Names with all characters that have a meaning in a pointer, few enough that most paths exist.
    const NAME: &str = "[ab/~]{1,2}";

    /// JSON whose strings contain no JSON, which would be searched too.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c é\"/~]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                btree_map(NAME, inner, 0..4).prop_map(|members| members.into_iter().collect::<Value>()),
            ]
        })
    }

    #[test]
    fn it_finds_what_serde_json_finds() {
        let step = prop_oneof![NAME, "[0-3]"];
        proptest!(|(event in json(), path in vec(step, 1..5))| {
            let escaped = path.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")));
            let pointer: String = escaped.collect();
            let found = at(&pointer, &event.to_string());
            match event.pointer(&pointer) {
                None | Some(Value::Null) => assert_eq!(found, Found::Nothing, "{pointer}"),
                Some(Value::String(text)) => assert_eq!(found, Found::Text(text.as_str().into()), "{pointer}"),
                Some(_) => assert!(matches!(found, Found::Unclear(_)), "{pointer}: {found:?}"),
            }
        });
    }

    #[test]
    fn json_in_a_string_is_looked_into() {
        let event = r#"{"body": "{\"tenant\": \"acme\", \"message\": \"{\\\"id\\\": \\\"inner\\\"}\"}"}"#;
        assert_eq!(text_at("/body/tenant", event), "acme");
        assert_eq!(text_at("/body/message/id", event), "inner");
        assert_eq!(at("/body/tenant/more", event), Found::Nothing);
    }

    #[test]
    fn nothing_is_where_nothing_stands() {
        for (pointer, event) in [
            ("/a", "{}"),
            ("/a", r#"{"a": null}"#),
            ("/a/b", r#"{"a": 7}"#),
            ("/a/1", r#"{"a": ["x"]}"#),
            ("/a/x", r#"{"a": ["x"]}"#),
            ("/a", ""),
            ("/a", "no JSON"),
            ("/a", r#"{"a": "cut"#),
            ("/a", r#"{"a": "x"} {"a": "y"}"#),
        ] {
            assert_eq!(at(pointer, event), Found::Nothing, "{pointer} in {event}");
        }
    }

    #[test]
    fn what_two_readers_would_read_differently_is_unclear() {
        for event in [r#"{"a": "x", "a": "y"}"#, r#"{"a": "x", "\u0061": "x"}"#, r#"{"a": {}, "a": null}"#] {
            assert!(matches!(at("/a", event), Found::Unclear(_)), "{event}");
        }
        // Elsewhere it is nobody's business.
        assert_eq!(text_at("/a", r#"{"b": 1, "b": 2, "a": "x"}"#), "x");
    }

    #[test]
    fn only_a_string_is_an_id() {
        for event in [r#"{"a": 7}"#, r#"{"a": {}}"#, r#"{"a": ["x"]}"#, r#"{"a": true}"#] {
            assert!(matches!(at("/a", event), Found::Unclear(_)), "{event}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!(r#"{{"a": {}{}, "t": "x"}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(text_at("/t", &deep), "x");
    }

    #[test]
    fn a_pointer_into_records_knows_them_whatever_its_index() {
        for index in ["*", "0", "17", "-"] {
            let pointer: Pointer = format!("/Records/{index}/body/t").parse().unwrap();
            let (key, within) = pointer.within_records().unwrap();
            assert_eq!((key, within), ("Records", &["body".to_owned(), "t".to_owned()][..]));
        }
        assert_eq!("/detail/0/t".parse::<Pointer>().unwrap().within_records(), None);
    }

    #[test]
    fn records_are_the_elements_of_one_array() {
        let event = r#"{"Records": [{"a": 1}, "two" ]}"#;
        let found: Vec<_> = records(event, "Records")
            .unwrap()
            .unwrap()
            .into_iter()
            .map(|record| record.get().to_owned())
            .collect();
        assert_eq!(found, [r#"{"a": 1}"#, r#""two""#]);
        for event in [r#"{"Records": 1}"#, "{}", "[", "[]"] {
            assert!(records(event, "Records").unwrap().is_none(), "{event}");
        }
        records(r#"{"Records": [], "Records": [1]}"#, "Records").unwrap_err();
    }
}
