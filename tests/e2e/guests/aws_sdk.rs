//! `examples/aws-sdk` as it lies there: the official SDK in a sandbox, against a DynamoDB that runs on this machine.

use bulkhead_tests::{Event, Moto, TaskRoot};
use serde_json::json;

use crate::stage::{Stage, assert_error};

const MANIFEST: &str = include_str!("../../../examples/aws-sdk/bulkhead.toml");

const AWS: &str = "https://dynamodb.eu-central-1.amazonaws.com";

/// The example with its table, and with our server where its manifest names that of AWS.
fn with(test: impl FnOnce(&Moto, &Stage)) {
    let Some(moto) = Moto::start("aws-sdk") else {
        return;
    };
    let key = json!([{ "AttributeName": "id", "KeyType": "HASH" }]);
    let attributes = json!([{ "AttributeName": "id", "AttributeType": "S" }]);
    let table = json!({ "TableName": "notes", "KeySchema": key, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST" });
    moto.dynamodb("CreateTable", &table);
    assert_eq!(MANIFEST.matches(AWS).count(), 1, "the host of its credential");
    let endpoint = moto.endpoint();
    // A loopback address needs a line more than a host of the internet, and says neither service nor region.
    let hosts = format!("hosts = [\"{endpoint}\"]\nservice = \"dynamodb\"\nregion = \"eu-central-1\"");
    let manifest = MANIFEST.replace(&format!("hosts = [\"{AWS}\"]"), &hosts);
    let private = "[handlers.aws-sdk.grants]\nallowed_private_networks = ['127.0.0.0/8']";
    let elsewhere = format!("NOTES_TABLE = \"notes\", AWS_ENDPOINT_URL = \"{endpoint}\"");
    let manifest = manifest.replace("[handlers.aws-sdk.grants]", private);
    test(&moto, &stage(&manifest.replace("NOTES_TABLE = \"notes\"", &elsewhere)));
}

fn stage(manifest: &str) -> Stage {
    Stage::at(TaskRoot::new().manifest(manifest).with("aws-sdk"), |bootstrap| bootstrap.handler("aws-sdk"))
}

#[test]
fn an_item_is_put_and_comes_back() {
    with(|moto, stage| {
        let note = json!({ "id": "1", "text": "🚢 \"ahoy\"" });
        assert_eq!(stage.send(&json!({ "put": note }).to_string()).text(), "null");
        assert_eq!(stage.send(r#"{"get":"1"}"#).json(), note);
        let stored =
            moto.dynamodb("GetItem", &json!({ "TableName": "notes", "Key": { "id": { "S": "1" } } }));
        assert_eq!(stored["Item"], json!({ "id": { "S": "1" }, "text": { "S": "🚢 \"ahoy\"" } }));
        let asked: Vec<_> =
            stage.receipts().iter().map(|receipt| receipt["outboundRequests"].clone()).collect();
        assert_eq!(asked, [1, 1], "a request for each event, sent once");
    });
}

#[test]
fn what_is_not_there_is_an_answer_and_what_is_wrong_an_error() {
    with(|moto, stage| {
        assert_eq!(stage.send(r#"{"get":"of nobody"}"#).text(), "null");
        let foreign = json!({ "id": { "S": "2" }, "text": { "N": "7" } });
        moto.dynamodb("PutItem", &json!({ "TableName": "notes", "Item": foreign }));
        let answer = stage.error(r#"{"get":"2"}"#, "Function.Error");
        assert!(
            answer.json()["errorMessage"].to_string().contains("the text of a note"),
            "{}",
            answer.json()
        );
        moto.dynamodb("DeleteTable", &json!({ "TableName": "notes" }));
        let answer = stage.error(r#"{"get":"1"}"#, "Function.ResourceNotFoundException");
        assert_eq!(answer.json()["errorMessage"], "Requested resource not found");
    });
}

#[test]
fn a_host_that_is_not_granted_costs_its_event_and_names_the_line() {
    let elsewhere =
        "NOTES_TABLE = \"notes\", AWS_ENDPOINT_URL = \"https://dynamodb.eu-west-1.amazonaws.com\"";
    let stage = stage(&MANIFEST.replace("NOTES_TABLE = \"notes\"", elsewhere));
    for _ in 0..2 {
        let answer = stage.api.send(Event::json(r#"{"get":"1"}"#));
        assert_error(&answer, "Function.HttpRequestDenied");
        assert!(answer.json().to_string().contains("the host denied this request"), "{}", answer.json());
    }
    let log = stage.running.stdout();
    let line = "to allow it, add \"https://dynamodb.eu-west-1.amazonaws.com\" to allowed_outbound_hosts in \
                [handlers.aws-sdk.grants]";
    assert!(log.contains(line), "{line}:\n{log}");
}

#[test]
fn without_its_credential_the_handler_says_what_it_misses() {
    let credential = "credentials = [\"notes\"]\n";
    assert!(MANIFEST.contains(credential), "{MANIFEST}");
    // The role's key is there, as in every function, and is not for handlers.
    let stage = stage(&MANIFEST.replace(credential, ""));
    let answer = stage.error(r#"{"get":"1"}"#, "Function.Error");
    assert!(answer.json()["errorMessage"].to_string().contains("AWS_ACCESS_KEY_ID"), "{}", answer.json());
    assert_eq!(stage.receipts()[0]["outboundRequests"], 0);
}
