//! AWS's SDK for JavaScript in a script, as npm has it, against a DynamoDB that runs on this machine.

use bulkhead_tests::moto::REGION;
use bulkhead_tests::{Moto, artifacts};
use serde_json::json;

use super::language::function;

#[test]
fn the_sdk_for_javascript_has_no_key_and_the_host_signs() {
    let Some(script) = artifacts::sdk_script() else { return };
    let Some(moto) = Moto::start("the SDK for JavaScript") else { return };
    let key = json!([{ "AttributeName": "id", "KeyType": "HASH" }]);
    let attributes = json!([{ "AttributeName": "id", "AttributeType": "S" }]);
    let table = json!({ "TableName": "notes", "KeySchema": key, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST" });
    moto.dynamodb("CreateTable", &table);
    let endpoint = moto.endpoint();
    let toml = format!(
        "[credentials.notes]\nhosts = [{endpoint:?}]\nsign = \"aws\"\nservice = \"dynamodb\"\nregion = {REGION:?}\n\
         [handlers.notes]\nsource = \"notes/index.js\"\n[handlers.notes.grants]\ncredentials = [\"notes\"]\n\
         allowed_private_networks = [\"127.0.0.0/8\"]\nenvironment = {{ AWS_ENDPOINT_URL = {endpoint:?} }}\n"
    );
    let text = std::fs::read_to_string(script).expect("read the script");
    let Some(stage) = function(&toml, &[("notes/index.js", &text)]) else { return };
    let note = json!({ "id": "1", "text": "🚢 \"ahoy\"" });
    let put = stage.send(&json!({ "put": note }).to_string()).json();
    assert_eq!(put, json!({ "accessKeyId": "BULKHEADPLACEHOLDER1" }), "no key is in reach of the script");
    assert_eq!(stage.send(r#"{"get":"1"}"#).json(), note);
    let stored = moto.dynamodb("GetItem", &json!({ "TableName": "notes", "Key": { "id": { "S": "1" } } }));
    assert_eq!(stored["Item"]["text"], json!({ "S": "🚢 \"ahoy\"" }));
    let credentials: Vec<_> =
        stage.receipts().iter().map(|receipt| receipt["credentials"].to_string()).collect();
    assert!(credentials.iter().all(|used| used.contains("notes")), "{credentials:?}");
}
