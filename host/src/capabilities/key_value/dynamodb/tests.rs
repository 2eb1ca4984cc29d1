//! A server that speaks the protocol, and one that gives prepared answers.

mod server;

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime};

use super::*;
use crate::aws::{Clock, date};
use crate::capabilities::key_value::tests::{call, conforms};
use crate::http1::Server;
use crate::policy::manifest::DynamoDb;
use crate::tls::ExtraRoots;
use server::{Fake, Prepared, Vars};

/// A table at this server.
fn table(uri: &str) -> Table {
    let endpoint = Server::of_url(uri).unwrap().0;
    let settings = DynamoDb {
        table: "tenants".to_owned(),
        region: None,
        endpoint: Some(endpoint),
        consistent_reads: true,
    };
    Table::new(&settings, ExtraRoots::default(), &Clock::default(), &Vars)
}

fn ok(body: &str) -> Prepared {
    Prepared::Reply("200 OK", body.to_owned())
}

fn failed(code: &str) -> Prepared {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"arn:x"}}"#);
    Prepared::Reply("400 Bad Request", body)
}

/// What becomes of an operation that a server answers like this.
fn answered<T>(
    answers: &[Prepared],
    work: impl FnOnce(&Table) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    work(&table(&Fake::prepared(answers).uri()))
}

#[test]
fn it_is_a_store() {
    let fake = Fake::start();
    conforms(&table(&fake.uri()));
    assert!(fake.unprocessed.load(Relaxed) > 0, "what was left over was asked for again");
}

#[test]
fn every_key_lies_below_its_owner_and_requests_are_signed() {
    let fake = Fake::start();
    let table = table(&fake.uri());
    let call = call("t#a%23b#cache");
    table.set(&call, "k", b"v").unwrap();
    table.increment(&call, "n", Increment { delta: 1, least: 0, most: 9 }).unwrap();
    assert_eq!(
        fake.keys(),
        [("t#a%23b#cache", "k"), ("t#a%23b#cache", "n")].map(|(o, k)| (o.to_owned(), k.to_owned()))
    );
    let head = fake.heads().remove(0).to_ascii_lowercase();
    for line in [
        "post / http/1.1\r\n",
        "\r\ncontent-type: application/x-amz-json-1.0\r\n",
        "\r\nx-amz-target: dynamodb_20120810.putitem\r\n",
        "\r\nauthorization: aws4-hmac-sha256 credential=akidexample/",
        "/us-east-1/dynamodb/aws4_request, signedheaders=content-type;host;x-amz-date;x-amz-target,",
    ] {
        assert!(head.contains(line), "{line}\n{head}");
    }
}

#[test]
fn the_largest_value_fits_into_an_item_with_the_longest_names() {
    let fake = Fake::start();
    let table = table(&fake.uri());
    let (call, key) = (call(&"o".repeat(2048)), "k".repeat(1024));
    let value = vec![0xff; crate::capabilities::key_value::bounds::MAX_VALUE];
    // The server refuses items of more than 400 KB, as AWS does.
    table.set(&call, &key, &value).unwrap();
    assert_eq!(table.get(&call, &key).unwrap().unwrap().value, value);
    assert_eq!(table.get_many(&call, std::slice::from_ref(&key)).unwrap(), [Some(value)]);
    let more = table.set(&call, &key, &vec![0xff; 410_000]).unwrap_err();
    assert_eq!(more.to_string(), "DynamoDB refused the operation (ValidationException)");
}

#[test]
fn a_throttled_operation_is_repeated_and_a_write_of_unknown_result_is_not() {
    let call = call("t#a#s");
    let one = Increment { delta: 1, least: 0, most: 9 };
    let sum = ok(r#"{"Attributes":{"number":{"N":"7"}}}"#);
    let busy = failed("ProvisionedThroughputExceededException");
    let throttled = [busy.clone(), failed("ThrottlingException"), sum.clone()];
    assert_eq!(answered(&throttled, |table| table.increment(&call, "n", one)).unwrap(), 7);
    let error_body = r#"{"__type":"InternalServerError"}"#.to_owned();
    let broken = Prepared::Reply("500 Internal Server Error", error_body);
    let unknown = [broken.clone(), sum.clone()];
    let error = answered(&unknown, |table| table.increment(&call, "n", one)).unwrap_err();
    assert_eq!(error.to_string(), "DynamoDB is busy (InternalServerError); try again");
    answered(&[broken, ok("{}")], |table| table.set(&call, "k", b"v")).unwrap();
    // The server closes the connection after it has taken the write.
    let fake = Fake::prepared(&[Prepared::Close, sum]);
    let error = table(&fake.uri()).increment(&call, "n", one).unwrap_err();
    assert!(error.to_string().contains("may have been done, or not"), "{error}");
    assert_eq!(fake.heads().len(), 1, "it was not sent again");
    let all = vec![busy; 10];
    let error = answered(&all, |table| table.set(&call, "k", b"v")).unwrap_err();
    assert_eq!(error.to_string(), "DynamoDB is busy (ProvisionedThroughputExceededException); try again");
}

#[test]
fn p1_16_a_wrong_clock_is_noticed_once_and_the_operation_sent_again() {
    let call = call("t#a#s");
    let there = SystemTime::now() + Duration::from_secs(3600);
    let skewed = || {
        let status = format!("400 Bad Request\r\ndate: {}", date(there));
        let body = r#"{"__type":"com.amazon.coral.service#InvalidSignatureException"}"#.to_owned();
        Prepared::Reply(Box::leak(status.into()), body)
    };
    let one = Increment { delta: 1, least: 0, most: 9 };
    let fake = Fake::prepared(&[skewed(), ok(r#"{"Attributes":{"number":{"N":"7"}}}"#), skewed()]);
    let table = table(&fake.uri());
    assert_eq!(table.increment(&call, "n", one).unwrap(), 7, "nothing was done before");
    assert!(table.increment(&call, "n", one).is_err(), "the clock is right now, so it is something else");
    assert_eq!(fake.heads().len(), 3);
}

#[test]
fn a_write_whose_answer_never_comes_is_not_repeated() {
    let fake = Fake::prepared(&[Prepared::Silence]);
    let call = Call { until: Instant::now() + Duration::from_millis(50), ..call("t#a#s") };
    let one = Increment { delta: 1, least: 0, most: 9 };
    let error = table(&fake.uri()).increment(&call, "n", one).unwrap_err();
    assert_eq!(
        error.to_string(),
        "DynamoDB did not answer in time; a write that it was asked for may have been done, or not"
    );
    assert_eq!(fake.heads().len(), 1);
}

#[test]
fn a_guest_learns_nothing_of_the_account_and_the_operator_what_to_do() {
    let call = call("t#a#s");
    for (code, told, warned) in [
        (
            "AccessDeniedException",
            "DynamoDB denied access to the store (AccessDeniedException)",
            "arn:x; the role needs",
        ),
        ("ResourceNotFoundException", "the table of the store does not exist", "does not exist: arn:x"),
        ("ValidationException", "DynamoDB refused the operation (ValidationException)", ": arn:x"),
    ] {
        let error = answered(&[failed(code)], |table| table.get(&call, "k")).unwrap_err();
        assert_eq!(error.to_string(), told);
        let warning = error.warning().unwrap();
        assert!(warning.contains(warned), "{warning}");
    }
    let gone = table("http://127.0.0.1:1").get(&call, "k").unwrap_err();
    assert_eq!(gone.to_string(), "DynamoDB cannot be reached");
    assert!(gone.warning().unwrap().contains("127.0.0.1:1"), "{gone:?}");
}

#[test]
fn without_a_region_or_credentials_nothing_is_sent() {
    struct Nothing;
    impl crate::policy::Vars for Nothing {
        fn get(&self, _: &str) -> Option<String> {
            None
        }
    }
    let mut settings =
        DynamoDb { table: "tenants".to_owned(), region: None, endpoint: None, consistent_reads: true };
    let call = call("t#a#s");
    let error = Table::new(&settings, ExtraRoots::default(), &Clock::default(), &Nothing)
        .get(&call, "k")
        .unwrap_err();
    assert_eq!(error.to_string(), "the store is not set up: the host does not know the region of its table");
    assert_eq!(error.warning().unwrap(), "the region is not known: set `region` in [stores], or AWS_REGION");
    settings.region = Some("cn-north-1".to_owned());
    let error = Table::new(&settings, ExtraRoots::default(), &Clock::default(), &Nothing)
        .get(&call, "k")
        .unwrap_err();
    assert_eq!(error.to_string(), "the store is not set up: the host has no credentials for it");
}

#[test]
fn an_answer_that_is_not_one_is_an_error() {
    let call = call("t#a#s");
    for (body, told) in [
        ("", "the answer of DynamoDB is not valid"),
        ("[", "the answer of DynamoDB is not valid"),
        (r#"{"Item":{"key":{"S":"k"}}}"#, "the item in the table was not written by a store of this kind"),
        (
            r#"{"Item":{"key":{"S":"k"},"value":{"B":"!"},"version":{"S":"1"}}}"#,
            "the item in the table was not written by a store of this kind",
        ),
    ] {
        let error = answered(&[ok(body)], |table| table.get(&call, "k")).unwrap_err();
        assert_eq!(error.to_string(), told, "{body}");
    }
}

#[test]
fn what_is_left_over_is_asked_for_until_there_is_no_time_or_no_event() {
    let call = call("t#a#s");
    let left = r#"{"UnprocessedKeys":{"tenants":{"Keys":[{"owner":{"S":"t#a#s"},"key":{"S":"k"}}]}}}"#;
    let found = r#"{"Responses":{"tenants":[{"key":{"S":"k"},"number":{"N":"5"},"version":{"S":"1"}}]}}"#;
    let replies = [ok(left), ok(left), ok(found)];
    let got = answered(&replies, |table| table.get_many(&call, &["k".to_owned()])).unwrap();
    assert_eq!(got, [Some(b"5".to_vec())]);
    let over = Call { over: std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true)), ..call.clone() };
    let ended = answered(&replies, |table| table.get_many(&over, &["k".to_owned()])).unwrap_err();
    assert!(matches!(ended, StoreError::Over));
    let late = client::pause(&Call { until: Instant::now(), ..call }, 9).unwrap_err();
    assert!(late.to_string().contains("did not answer in time"), "{late}");
}
