//! Any text, and any damage to it.

use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::{Index, select};
use proptest::{prop_oneof, proptest};
use serde_json::Value;

use super::texts::EVERYTHING;
use super::{Everything, both, each_type};

/// What a text is damaged with.
const SIGNS: &[u8] = b"\"\\{}[],:0-.eun \x01\xff";

/// A text cut off anywhere, and with any one sign replaced by another.
#[test]
fn damaged_texts() {
    let text = EVERYTHING.as_bytes();
    for at in 0..text.len() {
        both::<Everything>(&text[..at]);
        both::<Value>(&text[at..]);
        let mut damaged = text.to_vec();
        for &sign in SIGNS {
            damaged[at] = sign;
            both::<Everything>(&damaged);
            both::<Value>(&damaged);
        }
    }
}

/// Any JSON, in which some members are those of [`Everything`].
pub(in crate::json) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let name = || prop_oneof!["number|text|maybe|list|pair|map|shape", any::<String>()];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(name(), inner, 0..6).prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

#[test]
fn any_text_and_any_damage_to_it() {
    proptest!(|(value in json(), pretty in any::<bool>(), damage in vec((any::<Index>(), select(SIGNS)), 0..3))| {
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
        let mut text = text.unwrap();
        for (place, sign) in damage {
            let place = place.index(text.len());
            text[place] = sign;
        }
        each_type(&text);
    });
}
