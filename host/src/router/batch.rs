//! An SQS batch whose records belong to several tenants: taken apart, and its answers put together again.
//!
//! Each tenant gets an event with its own records only. What a part answers counts for its own records
//! only: a handler cannot have another tenant's message deleted, or delivered again.

use std::borrow::Cow;
use std::collections::HashSet;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Some records of a batch, for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The event with these records in it.
    pub event: Bytes,
    /// Their message ids, in order.
    pub ids: Vec<String>,
}

/// A record that can be split off: SQS says of each which message it is.
#[derive(Debug, Clone)]
pub(super) struct Record<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) json: &'a RawValue,
}

/// Where a batch comes from, as its first record says.
pub(super) fn origin<'a>(records: &[&'a RawValue]) -> Cow<'a, str> {
    let first = records.first().and_then(|record| head(record)).and_then(|head| head.source());
    first.unwrap_or(Cow::Borrowed("an unknown source"))
}

/// The records of an SQS batch. None where one of them is of another source, or has no id of its own.
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
    /// As SNS writes it.
    #[serde(borrow, default, rename = "EventSource")]
    capital_source: Option<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    fn source(&self) -> Option<Cow<'a, str>> {
        self.event_source.clone().or_else(|| self.capital_source.clone())
    }
}

fn head<'a>(record: &'a RawValue) -> Option<Head<'a>> {
    serde_json::from_str(record.get()).ok()
}

impl Part {
    /// An event with these records, each as it came.
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

    /// Which of its messages failed, by what its handler returned: all of them, where that cannot be
    /// understood or names a message that is not its own, as SQS itself takes it.
    pub fn failures(&self, response: &[u8]) -> Vec<String> {
        self.named_failures(response).unwrap_or_else(|| self.ids.clone())
    }

    fn named_failures(&self, response: &[u8]) -> Option<Vec<String>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            #[serde(default)]
            batch_item_failures: Option<Vec<Item>>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Item {
            item_identifier: String,
        }
        if response.trim_ascii().is_empty() {
            return Some(Vec::new());
        }
        let answer: Option<Answer> = serde_json::from_slice(response).ok()?;
        let failed = answer.and_then(|answer| answer.batch_item_failures).unwrap_or_default();
        failed
            .into_iter()
            .map(|item| self.ids.contains(&item.item_identifier).then_some(item.item_identifier))
            .collect()
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
    use super::super::pointer::records;
    use super::*;

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
            assert!(part.failures(response).is_empty(), "{:?}", String::from_utf8_lossy(response));
        }
        assert_eq!(part.failures(br#"{"batchItemFailures":[{"itemIdentifier":"2"}],"more":1}"#), ["2"]);
    }

    #[test]
    fn an_answer_that_makes_no_sense_fails_its_own_part() {
        let part = part(&["1", "2"]);
        for response in [
            &b"no JSON"[..],
            b"[]x",
            b"7",
            br#"{"batchItemFailures":[{"itemIdentifier":"3"}]}"#,
            br#"{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":""}]}"#,
            br#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            br#"{"batchItemFailures":[{"id":"1"}]}"#,
        ] {
            assert_eq!(part.failures(response), ["1", "2"], "{:?}", String::from_utf8_lossy(response));
        }
    }

    #[test]
    fn the_answer_names_what_failed() {
        assert_eq!(response(&[]), br#"{"batchItemFailures":[]}"#);
        assert_eq!(response(&["a\"b".to_owned()]), br#"{"batchItemFailures":[{"itemIdentifier":"a\"b"}]}"#);
    }
}
