//! An SQS batch whose records belong to several tenants: splits the batch, and combines the answers.
//!
//! Each tenant gets an event with its own records only. The answer to a part counts for its own records only:
//! a handler cannot have another tenant's message deleted, or delivered again.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::{self, Formatter};

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::text::json::Object;

/// The longest answer to a part, in bytes: an amount for each of its records, with room for additions by a
/// handler, and an amount for the whole. A longer answer is not read, so that a part costs no more than its
/// records allow.
const ANSWER_PER_RECORD: usize = 1024;
const ANSWER: usize = 64 * 1024;

/// Some records of a batch, for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The event with these records.
    pub event: Bytes,
    /// Their message ids, in order.
    pub ids: Vec<String>,
}

/// A record that can be split off: SQS gives each one a message id.
#[derive(Debug, Clone)]
pub(super) struct Record<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) json: &'a RawValue,
}

/// The source of a batch, according to its first record.
pub(super) fn origin<'a>(records: &[&'a RawValue]) -> Cow<'a, str> {
    let first = records.first().and_then(|record| head(record)).and_then(|head| head.source());
    first.unwrap_or(Cow::Borrowed("an unknown source"))
}

/// The records of an SQS batch. `None` if one of them has another source, or no unique id.
pub(super) fn sqs_records<'a>(records: &[&'a RawValue]) -> Option<Vec<Record<'a>>> {
    let mut seen = HashSet::new();
    records
        .iter()
        .map(|json| {
            let head = head(json)?;
            let id = head.message_id.clone().filter(|id| !id.is_empty())?;
            let is_new = seen.insert(id.clone().into_owned());
            (is_new && head.source().as_deref() == Some("aws:sqs")).then_some(Record { id, json })
        })
        .collect()
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default, rename = "messageId")]
    message_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "eventSource")]
    event_source: Option<Cow<'a, str>>,
    /// The spelling of SNS.
    #[serde(borrow, default, rename = "EventSource")]
    capital_source: Option<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    fn source(&self) -> Option<Cow<'a, str>> {
        self.event_source.clone().or_else(|| self.capital_source.clone())
    }
}

fn head<'a>(record: &'a RawValue) -> Option<Head<'a>> {
    serde_json::from_str(record.get()).ok().map(|Object(head)| head)
}

/// The reason why the answer to a part of a batch is not valid, so that all of its records count as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is longer than an answer for these records can be.
    #[error(
        "the handler's answer for {records} records of a batch has {length} bytes; {ANSWER_PER_RECORD} are \
         allowed for each record and {ANSWER} in addition, so all of the records count as failed"
    )]
    TooLong {
        /// The length.
        length: usize,
        /// The number of records.
        records: usize,
    },
    /// It has another form, or contains an id of another record, or more ids than there are records.
    #[error(
        "the handler's answer for {records} records of a batch is not \
         {{\"batchItemFailures\": [{{\"itemIdentifier\": \"…\"}}]}} with ids of these records, at most one for each, so all of \
         them count as failed"
    )]
    NotUnderstood {
        /// The number of records.
        records: usize,
    },
}

impl Part {
    /// An event with these records, each unchanged.
    pub(super) fn of(records: &[&Record<'_>]) -> Self {
        #[derive(Serialize)]
        struct Event<'a> {
            #[serde(rename = "Records")]
            records: Vec<&'a RawValue>,
        }
        let event = Event { records: records.iter().map(|record| record.json).collect() };
        // Raw values always serialise.
        let event = serde_json::to_vec(&event).unwrap_or_default().into();
        Self { event, ids: records.iter().map(|record| record.id.clone().into_owned()).collect() }
    }

    /// The messages that failed, according to the handler's answer, each one once.
    ///
    /// # Errors
    /// If the answer is not valid or names a message of another part: then all of them failed, as SQS itself
    /// treats it.
    pub fn failures(&self, response: &[u8]) -> Result<Vec<String>, AnswerError> {
        let records = self.ids.len();
        let length = response.len();
        if length > ANSWER.saturating_add(ANSWER_PER_RECORD.saturating_mul(records)) {
            return Err(AnswerError::TooLong { length, records });
        }
        self.named_failures(response).map_err(|_| AnswerError::NotUnderstood { records })
    }

    fn named_failures(&self, response: &[u8]) -> serde_json::Result<Vec<String>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer<'a> {
            #[serde(borrow, default)]
            batch_item_failures: Option<&'a RawValue>,
        }
        if response.trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        let answer: Option<Object<Answer<'_>>> = serde_json::from_slice(response)?;
        let Some(items) = answer.and_then(|Object(answer)| answer.batch_item_failures) else {
            return Ok(Vec::new());
        };
        let own: HashSet<&str> = self.ids.iter().map(String::as_str).collect();
        let failed = Items(&own).deserialize(&mut serde_json::Deserializer::from_str(items.get()))?;
        Ok(self.ids.iter().filter(|id| failed.contains(id.as_str())).cloned().collect())
    }
}

/// Reads the named ids, and stops at the first that is unknown or one too many.
struct Items<'p>(&'p HashSet<&'p str>);

impl<'de, 'p> DeserializeSeed<'de> for Items<'p> {
    type Value = HashSet<&'p str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, 'p> Visitor<'de> for Items<'p> {
    type Value = HashSet<&'p str>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("an array of failed items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Item<'a> {
            #[serde(borrow)]
            item_identifier: Cow<'a, str>,
        }
        let mut failed = HashSet::new();
        let mut left = self.0.len();
        while let Some(Object(item)) = items.next_element::<Object<Item<'de>>>()? {
            left = left.checked_sub(1).ok_or_else(|| A::Error::custom("more items than records"))?;
            let own = self.0.get(&*item.item_identifier);
            failed.insert(*own.ok_or_else(|| A::Error::custom("an item of another batch"))?);
        }
        Ok(failed)
    }
}

/// The answer for the whole batch: these messages failed.
pub fn response(failed: &[String]) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        batch_item_failures: Vec<Item<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Item<'a> {
        item_identifier: &'a str,
    }
    let batch_item_failures = failed.iter().map(|id| Item { item_identifier: id }).collect();
    // Strings always serialise.
    serde_json::to_vec(&Answer { batch_item_failures }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::pointer::records;

    const EVENT: &str = r#"{"Records": [
        {"messageId": "1", "eventSource": "aws:sqs", "body": "one"},
        {"messageId": "2", "eventSource": "aws:sqs", "body":  "two" }]}"#;

    fn part(ids: &[&str]) -> Part {
        Part { event: Bytes::new(), ids: ids.iter().map(|id| (*id).to_owned()).collect() }
    }

    #[test]
    fn a_part_has_its_records_as_they_came() {
        let all = records(EVENT, "Records").unwrap().unwrap();
        let all = sqs_records(&all).unwrap();
        let part = Part::of(&[&all[1]]);
        assert_eq!(part.ids, ["2"]);
        assert_eq!(
            part.event,
            r#"{"Records":[{"messageId": "2", "eventSource": "aws:sqs", "body":  "two" }]}"#
        );
    }

    #[test]
    fn records_without_an_id_of_their_own_cannot_be_split() {
        for event in [
            r#"{"Records": [{"eventSource": "aws:sqs"}]}"#,
            r#"{"Records": [{"messageId": "", "eventSource": "aws:sqs"}]}"#,
            r#"{"Records": [{"messageId": 1, "eventSource": "aws:sqs"}]}"#,
            r#"{"Records": [{"messageId": "1", "eventSource": "aws:kinesis"}]}"#,
            r#"{"Records": [{"messageId": "1", "eventSource": "aws:sqs"}, {"messageId": "1", "eventSource": "aws:sqs"}]}"#,
            r#"{"Records": ["text"]}"#,
            r#"{"Records": [["1", "aws:sqs"]]}"#,
        ] {
            assert!(sqs_records(&records(event, "Records").unwrap().unwrap()).is_none(), "{event}");
        }
    }

    #[test]
    fn the_origin_is_named() {
        let origin = |event| origin(&records(event, "Records").unwrap().unwrap()).into_owned();
        assert_eq!(origin(EVENT), "aws:sqs");
        assert_eq!(origin(r#"{"Records": [{"EventSource": "aws:sns"}]}"#), "aws:sns");
        assert_eq!(origin(r#"{"Records": [7]}"#), "an unknown source");
    }

    #[test]
    fn what_was_not_named_succeeded() {
        let part = part(&["1", "2"]);
        for response in
            [&b""[..], b" ", b"null", b"{}", br#"{"batchItemFailures":null}"#, br#"{"batchItemFailures":[]}"#]
        {
            assert!(part.failures(response).unwrap().is_empty(), "{:?}", String::from_utf8_lossy(response));
        }
        assert_eq!(
            part.failures(br#"{"batchItemFailures":[{"itemIdentifier":"2","why":[]}],"more":1}"#).unwrap(),
            ["2"]
        );
    }

    #[test]
    fn each_failed_id_is_named_once_however_often_the_handler_names_it() {
        let part = part(&["1", "2", "\u{e9}"]);
        let twice = br#"{"batchItemFailures":[{"itemIdentifier":"\u00e9"},{"itemIdentifier":"1"},{"itemIdentifier":"1"}]}"#;
        assert_eq!(part.failures(twice).unwrap(), ["1", "\u{e9}"]);
    }

    #[test]
    fn an_answer_that_makes_no_sense_fails_its_own_part() {
        let part = part(&["1", "2"]);
        for response in [
            &b"no JSON"[..],
            b"[]x",
            b"7",
            b"\xff",
            br#"{"batchItemFailures":{}}"#,
            br#"{"batchItemFailures":[{"itemIdentifier":"3"}]}"#,
            br#"{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":""}]}"#,
            br#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            br#"{"batchItemFailures":[{"id":"1"}]}"#,
            br#"{"batchItemFailures":[{"itemIdentifier":"1","itemIdentifier":"2"}]}"#,
            br#"{"batchItemFailures":[],"batchItemFailures":[]}"#,
            // More names than there are records, if they are its own.
            br#"{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"1"},{"itemIdentifier":"1"}]}"#,
            // What a derived struct would take for an object.
            br#"[[["1"]]]"#,
            br#"[[{"itemIdentifier":"1"}]]"#,
            br#"{"batchItemFailures":[["1"]]}"#,
        ] {
            let error = part.failures(response).unwrap_err();
            assert_eq!(error, AnswerError::NotUnderstood { records: 2 }, "{:?}", String::from_utf8_lossy(response));
        }
    }

    #[test]
    fn an_answer_that_is_longer_than_its_records_allow_is_not_read() {
        let answer = |spaces: usize| format!("{}{{}}", " ".repeat(spaces)).into_bytes();
        let longest = ANSWER + 2 * ANSWER_PER_RECORD;
        assert!(part(&["1", "2"]).failures(&answer(longest - 2)).unwrap().is_empty());
        let error = part(&["1", "2"]).failures(&answer(longest - 1)).unwrap_err();
        assert_eq!(error, AnswerError::TooLong { length: longest + 1, records: 2 });
        assert!(error.to_string().contains("1024 are allowed for each record"), "{error}");
    }

    #[test]
    fn ten_thousand_records_are_merged_without_a_search_for_each() {
        let ids: Vec<_> = (0..10_000).map(|number| format!("message-{number}")).collect();
        let whole = Part { event: Bytes::new(), ids: ids.clone() };
        // What a search for each name through all ids would take minutes for, many times.
        for _ in 0..20 {
            assert_eq!(whole.failures(&response(&ids)).unwrap(), ids);
        }
    }

    #[test]
    fn the_answer_names_what_failed() {
        assert_eq!(response(&[]), br#"{"batchItemFailures":[]}"#);
        assert_eq!(response(&["a\"b".to_owned()]), br#"{"batchItemFailures":[{"itemIdentifier":"a\"b"}]}"#);
    }
}
