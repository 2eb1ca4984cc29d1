//! Who reaches which data, and what it costs an event.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::fd::AsRawFd as _;

use super::*;
use crate::capabilities::key_value::bounds::{MAX_BATCH, MAX_HELD, MAX_KEY, MAX_OPEN, MAX_VALUE};
use crate::capabilities::key_value::view::NotSwapped;

fn log() -> (Arc<Log>, File) {
    let file = tempfile::tempfile().unwrap();
    let telemetry_fd = u32::try_from(file.as_raw_fd()).ok();
    (
        Arc::new(Log::new(&LogSettings {
            format: Format::Text,
            level: Level::Trace,
            telemetry_fd,
            batches: false,
        })),
        file,
    )
}

fn read(mut file: File) -> String {
    let mut written = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut written).unwrap();
    String::from_utf8_lossy(&written).into_owned()
}

/// Whatever happens, the data of one owner is not that of another.
#[tokio::test]
async fn nobody_sees_the_keys_of_another() {
    let stores = stores(quiet());
    let owners = [Some("acme"), Some("a#b"), Some("a"), Some("hello"), None];
    for owner in owners {
        let (mut key_value, mut table) = sandbox(&stores, owner, |_| ());
        let mut view = View { key_value: &mut key_value, table: &mut table };
        let bucket = view.open("cache").unwrap();
        assert_eq!(view.get(&bucket, "key".to_owned()).await.unwrap(), None, "{owner:?}");
        view.set(&bucket, "key".to_owned(), format!("{owner:?}").into_bytes()).await.unwrap();
    }
    for owner in owners {
        let (mut key_value, mut table) = sandbox(&stores, owner, |policy| {
            policy.handler = "hello".into();
            policy.grants.key_value.insert("other".to_owned());
        });
        let mut view = View { key_value: &mut key_value, table: &mut table };
        let bucket = view.open("cache").unwrap();
        let own = view.get(&bucket, "key".to_owned()).await.unwrap();
        assert_eq!(own, Some(format!("{owner:?}").into_bytes()));
        let other = view.open("other").unwrap();
        assert_eq!(view.get(&other, "key".to_owned()).await.unwrap(), None, "{owner:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_not_granted_is_denied_with_the_line_that_would_grant_it() {
    let (log, file) = log();
    let stores = stores(log);
    let (mut key_value, mut table) = sandbox(&stores, Some("acme"), |_| ());
    let mut view = View { key_value: &mut key_value, table: &mut table };
    for only in ["", "default", "cache"] {
        assert!(view.open(only).is_ok(), "{only}");
    }
    assert!(matches!(view.open("other"), Err(Failed::Denied)));
    assert!(matches!(view.open("n\n\"x"), Err(Failed::NoSuchStore)));
    assert_eq!(view.key_value.usage().operations, 5);
    let (mut two, _) = sandbox(&stores, None, |policy| {
        policy.grants.key_value.insert("other".to_owned());
    });
    let mut view = View { key_value: &mut two, table: &mut table };
    assert!(matches!(view.open("default"), Err(Failed::Denied)));
    // Before its event, and after it, a sandbox has no data.
    view.key_value.end();
    assert!(matches!(view.open("cache"), Err(Failed::Denied)));
    let text = read(file);
    for line in [
        "key-value store \"other\" was denied; to allow it, add \"other\" to key_value in [handlers.hello.grants] of \
         bulkhead.toml",
        "key-value store with an invalid name does not exist; to allow it, add [stores.NAME] to bulkhead.toml, and its name to \
         key_value in [handlers.hello.grants]",
        "key-value store \"default\" was denied, because not exactly one store is granted; to allow it, add the name of \
         one store to key_value in [handlers.hello.grants] of bulkhead.toml",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(text.matches("WARN").count(), 3, "{text}");
}

#[tokio::test]
async fn operations_and_bytes_have_limits_and_are_counted() {
    let (log, file) = log();
    let stores = stores(log);
    let (mut key_value, mut table) = sandbox(&stores, Some("acme"), |policy| {
        policy.limits.key_value_operations = 7;
        policy.limits.key_value_bytes = 20;
    });
    let mut view = View { key_value: &mut key_value, table: &mut table };
    let bucket = view.open("cache").unwrap();
    view.set(&bucket, "k".to_owned(), vec![0; 9]).await.unwrap();
    view.get(&bucket, "k".to_owned()).await.unwrap();
    let Err(Failed::Other(text)) = view.get(&bucket, "k".to_owned()).await else {
        panic!("there is a limit")
    };
    assert_eq!(text, "the event has used up its 20 bytes of key-value stores (key_value_bytes)");
    assert!(view.set(&bucket, "l".to_owned(), Vec::new()).await.is_err());
    assert!(view.exists(&bucket, "k".to_owned()).await.unwrap());
    // One on two keys is two, and there is one left.
    let two = vec!["a".to_owned(), "b".to_owned()];
    let Err(Failed::Other(text)) = view.delete_many(&bucket, two).await else { panic!("there is a limit") };
    assert_eq!(text, "the event has used up its 7 operations of key-value stores (key_value_operations)");
    assert!(!view.exists(&bucket, "l".to_owned()).await.unwrap(), "it was not written");
    let usage = view.key_value.usage();
    assert_eq!((usage.operations, usage.bytes, usage.limit), (7, 20, Some(Limit::KeyValueBytes)));
    assert!(usage.time > Duration::ZERO);
    // Another event of the sandbox begins from zero, and has the same buckets.
    view.key_value.begin(sender(Some("acme")));
    assert_eq!(view.key_value.usage(), KeyValueUsage::default());
    assert!(view.exists(&bucket, "k".to_owned()).await.unwrap());
    let text = read(file);
    let line = "the event's key-value operations used up its key_value_bytes = 20; to allow more, raise key_value_bytes \
                in [handlers.hello.limits] of bulkhead.toml";
    assert!(text.contains(line) && text.matches("WARN").count() == 1, "{text}");
}

#[tokio::test]
async fn what_a_guest_gets_for_a_batch_ends_at_its_limit_of_bytes() {
    let stores = stores(quiet());
    let (mut key_value, mut table) =
        sandbox(&stores, Some("acme"), |policy| policy.limits.key_value_bytes = 4 << 20);
    let mut view = View { key_value: &mut key_value, table: &mut table };
    let bucket = view.open("cache").unwrap();
    view.set(&bucket, "k".to_owned(), vec![0; MAX_VALUE]).await.unwrap();
    let Err(Failed::Other(text)) = view.get_many(&bucket, vec!["k".to_owned(); 50]).await else {
        panic!("there is a limit")
    };
    assert!(text.contains("key_value_bytes"), "{text}");
    assert_eq!(view.key_value.usage().limit, Some(Limit::KeyValueBytes));
}

#[tokio::test]
async fn keys_values_and_batches_have_a_size() {
    let stores = stores(quiet());
    let (mut key_value, mut table) =
        sandbox(&stores, Some("acme"), |policy| policy.limits.key_value_operations = 10_000);
    let mut view = View { key_value: &mut key_value, table: &mut table };
    let bucket = view.open("cache").unwrap();
    for (length, is_right) in [(MAX_VALUE - 1, true), (MAX_VALUE, true), (MAX_VALUE + 1, false)] {
        let set = view.set(&bucket, "k".to_owned(), vec![0; length]).await;
        assert_eq!(set.is_ok(), is_right, "{length}");
    }
    for (length, is_right) in [(0, false), (1, true), (MAX_KEY, true), (MAX_KEY + 1, false)] {
        let key = || "k".repeat(length);
        assert_eq!(view.exists(&bucket, key()).await.is_ok(), is_right, "{length}");
        assert_eq!(view.delete_many(&bucket, vec![key()]).await.is_ok(), is_right, "{length}");
        assert_eq!(view.list(&bucket, Some(key())).await.is_ok(), is_right, "{length}");
    }
    let many = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    assert!(view.get_many(&bucket, many(MAX_BATCH)).await.is_ok());
    assert!(view.get_many(&bucket, many(MAX_BATCH + 1)).await.is_err());
}

#[tokio::test]
async fn few_buckets_and_few_values_are_kept_for_a_guest() {
    let stores = stores(quiet());
    let (mut key_value, mut table) =
        sandbox(&stores, Some("acme"), |policy| policy.limits.key_value_operations = 10_000);
    let mut view = View { key_value: &mut key_value, table: &mut table };
    let bucket = view.open("cache").unwrap();
    let large = vec![7; MAX_VALUE];
    view.set(&bucket, "k".to_owned(), large.clone()).await.unwrap();
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(view.begin_cas(&bucket, "k".to_owned()).await.unwrap());
    }
    assert!(view.key_value.held <= MAX_HELD && view.key_value.held >= MAX_VALUE);
    // One that was not kept is read again, and replaces what was read then.
    view.set(&bucket, "k".to_owned(), b"new".to_vec()).await.unwrap();
    let last = all.pop().unwrap();
    assert_eq!(view.current(&last).await.unwrap().unwrap(), b"new");
    let first = all.remove(0);
    assert_eq!(view.current(&first).await.unwrap().unwrap(), large);
    let Err(NotSwapped::Lost(again)) = view.swap(first, b"x".to_vec()).await else {
        panic!("it has changed")
    };
    assert_eq!(view.current(&again).await.unwrap().unwrap(), b"new");
    view.swap(last, b"newer".to_vec()).await.unwrap();
    view.drop_cas(again).unwrap();
    all.into_iter().for_each(|cas| view.drop_cas(cas).unwrap());
    assert_eq!((view.key_value.held, view.key_value.open), (0, 1));
    while view.open("cache").is_ok() {}
    assert_eq!(view.key_value.open, MAX_OPEN);
    view.close(bucket).unwrap();
    assert!(view.open("cache").is_ok());
}

#[tokio::test]
async fn a_replacement_that_lost_twice_begins_each_time_with_what_is_there() {
    let stores = stores(quiet());
    let (mut key_value, mut table) = sandbox(&stores, Some("acme"), |_| ());
    let mut view = View { key_value: &mut key_value, table: &mut table };
    let bucket = view.open("cache").unwrap();
    let mut cas = view.begin_cas(&bucket, "k".to_owned()).await.unwrap();
    assert_eq!(view.current(&cas).await.unwrap(), None);
    for other in ["first", "second"] {
        view.set(&bucket, "k".to_owned(), other.into()).await.unwrap();
        let Err(NotSwapped::Lost(again)) = view.swap(cas, b"mine".to_vec()).await else { panic!("{other}") };
        assert_eq!(view.current(&again).await.unwrap().unwrap(), other.as_bytes());
        cas = again;
    }
    view.swap(cas, b"mine".to_vec()).await.unwrap();
    assert_eq!(view.get(&bucket, "k".to_owned()).await.unwrap().unwrap(), b"mine");
    assert_eq!((view.key_value.held, view.key_value.open), (0, 1));
}
