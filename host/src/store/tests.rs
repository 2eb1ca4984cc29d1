//! The published vectors, every flipped bit of a record, and the published schema.

mod schema;

use std::time::SystemTime;

use proptest::prelude::*;
use serde::Deserialize;

use super::key::SigningKey;
use super::*;
use crate::policy::{KeyKind, PublicKey};

const VECTORS: &str = include_str!("../../schema/vectors/records.json");
const KEY: &str = include_str!("../../schema/vectors/ed25519.pem");

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    public_keys: Vec<String>,
    tenant: String,
    store: String,
    seen: u64,
    now: String,
    envelope: String,
    error: Option<String>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str::<Vectors>(VECTORS).unwrap().vectors
}

fn time(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap()
}

impl Vector {
    fn keys(&self) -> Vec<PublicKey> {
        self.public_keys.iter().map(|key| key.parse().unwrap()).collect()
    }

    fn open(&self, envelope: &[u8]) -> Result<Record, RecordError> {
        let expected =
            Expected { tenant: &self.tenant, store: &self.store, seen: self.seen, now: time(&self.now) };
        Record::open(envelope, &self.keys(), expected)
    }
}

#[test]
fn the_published_vectors() {
    let mut kinds = std::collections::BTreeSet::new();
    for vector in vectors() {
        let opened = vector.open(vector.envelope.as_bytes());
        let found = opened.as_ref().err().map(|error| {
            let name = format!("{error:?}");
            name.split([' ', '(']).next().unwrap_or_default().to_owned()
        });
        assert_eq!(found, vector.error, "{}: {opened:?}", vector.name);
        kinds.extend(found);
    }
    // A file that is too large is not kept here.
    let all = ["Content", "Envelope", "Expired", "NotYet", "Older", "Signature", "Store", "Tenant"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let key = SigningKey::read(KEY).unwrap();
    let vectors = vectors();
    let record = vectors[2].open(vectors[2].envelope.as_bytes()).unwrap();
    let handler = record.handler.as_ref().unwrap();
    assert_eq!(handler.settings.limits["memory"], 64 << 20);
    let Code::Component(code) = &handler.code else { panic!("it is a component") };
    assert_eq!(code.native_for("x86_64", "bulkhead 0.1.0, wasmtime 48.0.8").unwrap().bytes, 123_456);
    assert_eq!(code.native_for("aarch64", "bulkhead 0.1.0, wasmtime 48.0.8"), None);
    assert_eq!(code.native_for("x86_64", "bulkhead 0.1.1, wasmtime 48.0.8"), None);
    let sealed = record.seal(&key).unwrap();
    assert_eq!(Record::of_file(&sealed, &[key.public().clone()]), Ok(record));
    // Ed25519 is deterministic: another program has made the same bytes.
    let signature = |envelope: &[u8]| {
        let envelope: serde_json::Value = serde_json::from_slice(envelope).unwrap();
        envelope["signatures"][0]["sig"].as_str().unwrap().to_owned()
    };
    let payload = envelope::open(vectors[0].envelope.as_bytes(), &vectors[0].keys()).unwrap().0;
    let sealed = envelope::seal(&payload, &key).unwrap();
    assert_eq!(signature(&sealed), signature(vectors[0].envelope.as_bytes()));
}

#[test]
fn what_is_signed_is_the_type_and_the_exact_bytes() {
    // The example of the specification.
    assert_eq!(
        envelope::pae("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}

#[test]
fn a_record_is_signed_with_another_key_too_and_stays_what_it_is() {
    let keys: Vec<SigningKey> =
        (0..6).map(|_| SigningKey::read(&SigningKey::generate(KeyKind::P256).unwrap()).unwrap()).collect();
    let public = |at: usize| keys[at].public().clone();
    let signed = envelope::seal(b"{}", &keys[0]).unwrap();
    let both = envelope::sign_again(&signed, &[public(0), public(1)], &keys[1]).unwrap().unwrap();
    for at in [0, 1] {
        assert_eq!(envelope::open(&both, &[public(at)]).unwrap(), (b"{}".to_vec(), &public(at)));
    }
    assert!(envelope::sign_again(&both, &[public(0), public(1)], &keys[1]).unwrap().is_none());
    // Nothing is signed that no trusted key has signed, and only signatures of trusted keys stay.
    let error = envelope::sign_again(&signed, &[public(1)], &keys[1]).unwrap_err();
    assert!(matches!(error, envelope::ResignError::Record(RecordError::Signature)), "{error:?}");
    let next = envelope::sign_again(&both, &[public(1), public(2)], &keys[2]).unwrap().unwrap();
    assert!(envelope::open(&next, &[public(0)]).is_err());
    // However many keys there were, the newest ones are looked at.
    let trusted: Vec<PublicKey> = (0..6).map(public).collect();
    let mut all = signed.clone();
    for key in &keys[1..] {
        all = envelope::sign_again(&all, &trusted, key).unwrap().unwrap();
        assert!(envelope::open(&all, &[key.public().clone()]).is_ok());
    }
    // Whoever has signed it is named, and nobody who has not.
    let claim = envelope::claim(&both).unwrap();
    assert_eq!((claim.payload, claim.keys), (b"{}".to_vec(), vec![public(1), public(0)]));
    let text = String::from_utf8(signed).unwrap();
    let forged = text.replace(&public(0).to_string(), &public(3).to_string());
    assert_eq!(envelope::claim(forged.as_bytes()).unwrap().keys, []);
    assert!(envelope::claim(b"{}").is_none());
}

#[test]
fn no_flipped_bit_changes_a_record() {
    for vector in vectors().iter().take(2) {
        let good = vector.open(vector.envelope.as_bytes()).unwrap();
        for at in 0..vector.envelope.len() {
            for bit in 0..8 {
                let mut envelope = vector.envelope.clone().into_bytes();
                envelope[at] ^= 1 << bit;
                // The name of a key is a hint, and base64 has two alphabets.
                if let Ok(record) = vector.open(&envelope) {
                    assert_eq!(record, good, "byte {at}, bit {bit}");
                }
            }
        }
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let most = usize::try_from(MAX_ENVELOPE).unwrap();
    let vector = &vectors()[0];
    let padded =
        |length: usize| [vector.envelope.as_bytes(), &vec![b' '; length - vector.envelope.len()]].concat();
    assert!(vector.open(&padded(most)).is_ok());
    assert_eq!(
        vector.open(&padded(most + 1)).unwrap_err().to_string(),
        "its file has 131073 bytes; a record has at most 131072"
    );
}

#[test]
fn an_error_quotes_little_and_nothing_that_steers_a_terminal() {
    let long = "x\u{1b}".repeat(10_000);
    let key = SigningKey::read(KEY).unwrap();
    let signed = |payload: &str| envelope::seal(payload.as_bytes(), &key).unwrap();
    let tenant = serde_json::json!({
        "tenant": long, "store": "prod", "version": 1,
        "not_before": "2026-11-30T09:00:00Z", "expires": "2027-11-30T09:00:00Z",
    });
    let field = serde_json::json!({ &long: 1 });
    let unsigned = serde_json::json!({ "payload": "", "payloadType": long, "signatures": [] });
    for envelope in [
        signed(&tenant.to_string()),
        signed(&field.to_string()),
        serde_json::to_vec(&unsigned).unwrap(),
        serde_json::to_vec(&field).unwrap(),
    ] {
        let error = vectors()[0].open(&envelope).unwrap_err().to_string();
        assert!(error.len() < 1000, "{error}");
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_record_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,300}") {
        let vector = &vectors()[0];
        prop_assert!(vector.open(&bytes).is_err());
        let key = SigningKey::read(KEY).unwrap();
        prop_assert!(vector.open(&envelope::seal(text.as_bytes(), &key).unwrap()).is_err());
    }

    #[test]
    fn a_record_is_valid_for_its_tenant_from_its_version_on_and_in_its_time(
        tenant in ".{1,20}", other in ".{1,20}", version in 1..1000_u64, seen in 0..1000_u64,
        from in 0..1_000_u64, lasts in 1..1_000_u64, at in 0..3_000_u64,
    ) {
        let second = |number: u64| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 + number);
        let record = Record {
            tenant: tenant.clone(), store: "prod".to_owned(), version,
            not_before: second(from), expires: second(from + lasts), handler: None,
        };
        let check = |tenant, seen, now| record.check(Expected { tenant, store: "prod", seen, now: second(now) }).is_ok();
        prop_assert_eq!(check(&tenant, 0, from), true);
        prop_assert_eq!(check(&tenant, 0, from + lasts), false);
        prop_assert_eq!(check(&tenant, 0, at), at + 60 >= from && at < from + lasts);
        prop_assert_eq!(check(&tenant, seen, from), seen <= version);
        prop_assert_eq!(check(&other, 0, from), other == tenant);
    }
}
