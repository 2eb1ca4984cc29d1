//! `examples/payments` as it lies there, with a server of ours in the place of its API.

use bulkhead_tests::origin::Origin;
use bulkhead_tests::{Event, TaskRoot};
use serde_json::json;

use crate::stage::Stage;

const MANIFEST: &str = include_str!("../../../examples/payments/bulkhead.toml");
const API: &str = "https://api.example.com";
const SECRET: &str = "a key for tests";

#[test]
fn the_host_adds_the_key_that_the_handler_does_not_have() {
    let origin = Origin::start();
    assert_eq!(
        MANIFEST.matches(API).count(),
        2,
        "the host of the credential, and the address for the handler"
    );
    let private = "[handlers.payments.grants]\nallowed_private_networks = ['127.0.0.0/8']";
    let manifest = MANIFEST.replace(API, &format!("http://127.0.0.1:{}", origin.port()));
    let root = TaskRoot::new().manifest(&manifest.replace("[handlers.payments.grants]", private));
    let secrets = root.path().join("bulkhead.secrets.toml");
    std::fs::write(&secrets, format!("key = {SECRET:?}\n")).expect("a file with secrets");
    let stage = Stage::at(root.with("payments"), |bootstrap| {
        bootstrap.handler("payments").env("BULKHEAD_SECRETS_FILE", &secrets)
    });
    let answer = stage.api.send(Event::json(r#"{"invoice":"17"}"#));
    assert_eq!(answer.json(), json!({ "paid": true }));
    let head = origin.requests()[0].head.to_ascii_lowercase();
    assert!(head.starts_with("get /payments/17 "), "{head}");
    assert!(head.contains(&format!("authorization: bearer {SECRET}\r\n")), "{head}");
    let log = stage.running.stdout();
    assert!(!log.contains(SECRET), "{log}");
}
