//! What every store does, and what a guest's operations cost and may do.

#[cfg(feature = "compiler")]
mod guest;
mod limits;
#[cfg(feature = "compiler")]
mod signatures;
mod stopped;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use wasmtime::component::ResourceTable;

use super::backend::{Backend, Call, Increment, Page, Replacement, StoreError, Swapped};
use super::bounds::MAX_PAGE;
use super::memory::Memory;
use super::*;
use crate::engine::meter::Meter;
use crate::log::{Format, Log, LogSettings, Scope};
use crate::policy::Owner;

/// An operation of an owner whose keys lie here.
pub(super) fn call(partition: &str) -> Call {
    Call {
        partition: partition.into(),
        owner: Owner::Handler(0),
        meter: Meter::new(Duration::MAX),
        over: Arc::new(AtomicBool::new(false)),
        most: u64::MAX,
        until: Instant::now() + Duration::from_secs(60),
    }
}

fn s64(delta: i64) -> Increment {
    Increment { delta: delta.into(), least: i64::MIN.into(), most: i64::MAX.into() }
}

fn value(backend: &dyn Backend, call: &Call, key: &str) -> Option<Vec<u8>> {
    backend.get(call, key).unwrap().map(|item| item.value)
}

/// What a store does, whatever its kind. It has to be empty.
pub(super) fn conforms(backend: &dyn Backend) {
    let (one, two) = (call("t#one#s"), call("t#two#s"));
    assert_eq!(backend.get(&one, "a").unwrap(), None);
    assert!(!backend.exists(&one, "a").unwrap());
    backend.set(&one, "a", b"").unwrap();
    backend.set(&one, "a", b"1\0\xff").unwrap();
    assert_eq!(value(backend, &one, "a").unwrap(), b"1\0\xff");
    assert!(backend.exists(&one, "a").unwrap());
    assert_eq!((value(backend, &two, "a"), backend.list(&two, None).unwrap()), (None, Page::default()));
    backend.delete(&two, "a").unwrap();
    assert!(backend.exists(&one, "a").unwrap(), "the key of another owner");
    backend.delete(&one, "a").unwrap();
    backend.delete(&one, "a").unwrap();
    assert_eq!(value(backend, &one, "a"), None);
    sums(backend, &one);
    replacements(backend, &one);
    several(backend, &one);
    lists(backend, &two);
}

fn sums(backend: &dyn Backend, call: &Call) {
    assert_eq!(backend.increment(call, "n", s64(2)).unwrap(), 2);
    assert_eq!(backend.increment(call, "n", s64(-5)).unwrap(), -3);
    assert_eq!(value(backend, call, "n").unwrap(), b"-3");
    backend.set(call, "n", i64::MAX.to_string().as_bytes()).unwrap();
    let over = backend.increment(call, "n", s64(1)).unwrap_err();
    assert!(matches!(over, StoreError::OutOfRange), "{over}");
    assert_eq!(backend.increment(call, "n", s64(-1)).unwrap(), i128::from(i64::MAX) - 1);
    assert_eq!(backend.increment(call, "n", s64(1)).unwrap(), i64::MAX.into());
    assert!(backend.increment(call, "n", s64(1)).is_err());
    assert_eq!(value(backend, call, "n").unwrap(), i64::MAX.to_string().as_bytes(), "nothing was changed");
    backend.set(call, "n", b"one").unwrap();
    let text = backend.increment(call, "n", s64(1)).unwrap_err();
    assert!(matches!(text, StoreError::NotANumber), "{text}");
    let negative = Increment { delta: -1, least: 0, most: u64::MAX.into() };
    assert!(matches!(backend.increment(call, "absent", negative), Err(StoreError::OutOfRange)));
    assert!(!backend.exists(call, "absent").unwrap());
}

fn replacements(backend: &dyn Backend, call: &Call) {
    let swap =
        |of, value: &[u8]| backend.swap(call, "c", &Replacement { of, value: value.to_owned() }).unwrap();
    assert_eq!(swap(None, b"1"), Swapped::Done);
    let first = backend.get(call, "c").unwrap().unwrap();
    assert_eq!(swap(None, b"2"), Swapped::Lost(Some(first.clone())));
    assert_eq!(swap(Some(first.version), b"3"), Swapped::Done);
    let Swapped::Lost(Some(third)) = swap(Some(first.version), b"4") else { panic!("it has changed") };
    assert_eq!((third.value.as_slice(), third.version == first.version), (&b"3"[..], false));
    // The same bytes, written again, are another value.
    backend.set(call, "c", b"3").unwrap();
    assert!(matches!(swap(Some(third.version), b"5"), Swapped::Lost(Some(_))));
    backend.delete(call, "c").unwrap();
    assert_eq!(swap(Some(third.version), b"6"), Swapped::Lost(None));
    assert_eq!(backend.increment(call, "c", s64(1)).unwrap(), 1);
    let number = backend.get(call, "c").unwrap().unwrap();
    assert_eq!(backend.increment(call, "c", s64(1)).unwrap(), 2);
    assert!(matches!(swap(Some(number.version), b"7"), Swapped::Lost(Some(_))));
    backend.delete(call, "c").unwrap();
}

fn several(backend: &dyn Backend, call: &Call) {
    let pairs: Vec<(String, Vec<u8>)> = (0..130_u8).map(|n| (format!("m{n}"), vec![n])).collect();
    let twice = vec![("m0".to_owned(), b"first".to_vec()), ("m0".to_owned(), b"last".to_vec())];
    backend.set_many(call, &pairs).unwrap();
    backend.set_many(call, &twice).unwrap();
    let keys: Vec<String> = ["m129", "absent", "m0", "m129"].map(str::to_owned).to_vec();
    let found = backend.get_many(call, &keys).unwrap();
    assert_eq!(found, [Some(vec![129]), None, Some(b"last".to_vec()), Some(vec![129])]);
    let all: Vec<String> = pairs.iter().map(|(key, _)| key.clone()).collect();
    let little = Call { most: 50, ..call.clone() };
    assert!(matches!(backend.get_many(&little, &all), Err(StoreError::TooMuch)));
    let over = Call { over: Arc::new(AtomicBool::new(true)), ..call.clone() };
    assert!(matches!(backend.delete_many(&over, &all), Err(StoreError::Over)), "the event is over");
    backend.delete_many(call, &all).unwrap();
    backend.delete_many(call, &all).unwrap();
    assert!(backend.get_many(call, &all).unwrap().iter().all(Option::is_none));
    assert_eq!(backend.get_many(call, &[]).unwrap(), [] as [Option<Vec<u8>>; 0]);
}

fn lists(backend: &dyn Backend, call: &Call) {
    let keys: Vec<String> = (0..MAX_PAGE + 5).map(|n| format!("k{n:05}")).collect();
    let pairs: Vec<(String, Vec<u8>)> = keys.iter().map(|key| (key.clone(), b"v".to_vec())).collect();
    for some in pairs.chunks(500) {
        backend.set_many(call, some).unwrap();
    }
    let Page { keys: first, next } = backend.list(call, None).unwrap();
    assert_eq!(first, keys[..MAX_PAGE]);
    // The list changes: the key of the cursor goes, and others come on both sides of it.
    let cursor = next.unwrap();
    backend.delete(call, &cursor).unwrap();
    backend.set(call, "k00000a", b"").unwrap();
    backend.set(call, "k01001a", b"").unwrap();
    let Page { keys: rest, next } = backend.list(call, Some(&cursor)).unwrap();
    assert_eq!(rest, ["k01000", "k01001", "k01001a", "k01002", "k01003", "k01004"]);
    assert_eq!(next, None);
    assert_eq!(backend.list(call, Some("z")).unwrap(), Page::default());
}

/// A log that is not read.
fn quiet() -> Arc<Log> {
    let settings =
        LogSettings { format: Format::Text, level: Level::Fatal, telemetry_fd: None, batches: false };
    Arc::new(Log::new(&settings))
}

/// A sandbox of a tenant that is granted the store `cache`, with these changes of its policy.
fn sandbox(
    stores: &Arc<Stores>,
    tenant: Option<&str>,
    change: impl FnOnce(&mut Policy),
) -> (KeyValue, ResourceTable) {
    let mut policy = Policy::default_for("hello");
    policy.grants.key_value.insert("cache".to_owned());
    change(&mut policy);
    let mut key_value = KeyValue::new(Arc::clone(stores), Arc::new(policy));
    key_value.begin(sender(tenant));
    (key_value, ResourceTable::new())
}

fn sender(tenant: Option<&str>) -> Sender {
    let scope = Scope { tenant_id: tenant.map(Into::into), ..Scope::default() };
    Sender { scope, owner: Owner::Handler(0), meter: Meter::new(Duration::MAX) }
}

/// The stores `cache` and `other`, in memory.
fn stores(log: Arc<Log>) -> Arc<Stores> {
    let memory = || Arc::new(Memory::default()) as Arc<dyn Backend>;
    Arc::new(Stores::with(log, vec![("cache".to_owned(), memory()), ("other".to_owned(), memory())]))
}
