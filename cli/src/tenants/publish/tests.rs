//! Writers that die at every step, writers that are faster than others, and old records that somebody puts back.

use std::cell::Cell;
use std::path::Path;

use bulkhead_host::store::{ComponentCode, Digest, Expected, Native};

use super::*;
use crate::tenants::files::Folder;
use crate::tenants::fixture::{Disturbed, key, store};
use crate::tenants::history::versions;

/// How a writer dies at its last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Before,
    Amid,
    After,
}

/// The files of a writer that dies at one of its steps.
fn dying<'f>(folder: &'f Folder, path: &'f Path, step: usize, death: Death) -> impl Files + 'f {
    let (left, is_last) = (Cell::new(step), Rc::new(Cell::new(false)));
    let is_over = Rc::clone(&is_last);
    let before = move |key: &Key, content: &[u8]| {
        is_last.set(left.get() == 0);
        left.set(left.get().wrapping_sub(1));
        if is_last.get() && death == Death::Amid {
            let beside = path.join(key.as_str()).with_file_name(".unfinished-1");
            std::fs::create_dir_all(beside.parent().unwrap())?;
            std::fs::write(beside, &content[..content.len() / 2])?;
        }
        anyhow::ensure!(!is_last.get() || death == Death::After, "it died");
        Ok(())
    };
    let after = move |_: &Key| {
        anyhow::ensure!(!is_over.get(), "it died");
        Ok(())
    };
    Disturbed { folder, before, after }
}

/// A handler whose component is this text.
fn draft(code: &str) -> Draft {
    let native = format!("{code}, compiled");
    let component = ComponentCode {
        component: Digest::of(code.as_bytes()),
        kind: "handler".to_owned(),
        native: vec![Native {
            target: "x86_64".to_owned(),
            build: "1".to_owned(),
            digest: Digest::of(native.as_bytes()),
            bytes: u64::try_from(native.len()).unwrap(),
        }],
    };
    let settings = bulkhead_host::policy::manifest::store::Settings::default();
    let handler = Handler { code: bulkhead_host::store::Code::Component(component), settings };
    let code = Code::new(code.as_bytes().to_vec(), vec![native.into_bytes()]);
    Draft { handler: Some(handler), code: Rc::new(code) }
}

/// What makes the next record of the current one.
type Make = fn(Option<&Record>) -> anyhow::Result<Draft>;

/// The tenant as it is.
fn same(current: Option<&Record>) -> anyhow::Result<Draft> {
    Ok(Draft { handler: current.unwrap().handler.clone(), ..Draft::default() })
}

/// Puts a tenant whose component is this text.
fn put(files: &impl Files, store: &Store, code: &str) -> anyhow::Result<Record> {
    let key = key();
    publisher(files, store, &key).publish("acme", None, |_| Ok(draft(code)))
}

fn publisher<'a, F: Files>(files: &'a F, store: &'a Store, key: &'a SigningKey) -> Publisher<'a, F> {
    Publisher { files, store, key, now: crate::tenants::now(), valid_for: Some(Duration::from_secs(60)) }
}

/// The version that a bootstrap would serve, all of whose files have to be there.
fn served(folder: &Folder, store: &Store) -> u64 {
    let file = folder.read(&Key::record("acme"), MAX_ENVELOPE).unwrap().unwrap();
    let expected = Expected { tenant: "acme", store: "prod", seen: 0, now: crate::tenants::now() };
    let record = Record::open(&file, &store.public_keys, expected).unwrap();
    let handler = record.handler.as_ref().unwrap();
    let native = &handler.native()[0];
    let component = handler.code.digest();
    for (key, digest) in
        [(Key::component(component), component), (Key::native(&native.digest), &native.digest)]
    {
        assert_eq!(Digest::of(&folder.read(&key, 999).unwrap().unwrap()), *digest, "{key}");
    }
    record.version
}

#[test]
fn a_writer_may_die_at_any_step() {
    for death in [Death::Before, Death::Amid, Death::After] {
        let mut steps = 0;
        loop {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path();
            let (folder, store) = (Folder::new(path.to_owned()), store(path));
            assert_eq!(put(&folder, &store, "one").unwrap().version, 1);
            let died = put(&dying(&folder, path, steps, death), &store, "two").is_err();
            let version = served(&folder, &store);
            if !died {
                assert_eq!(version, 2);
                break;
            }
            let is_done = steps + usize::from(death == Death::After) > 3;
            assert_eq!(version, if is_done { 2 } else { 1 }, "{death:?} at step {steps}");
            // The next writer goes on from what was signed, whether it has taken effect or not.
            let signed = *versions(&folder, "acme").unwrap().last().unwrap();
            assert_eq!(signed, if steps + usize::from(death == Death::After) > 2 { 2 } else { 1 });
            assert_eq!(put(&folder, &store, "three").unwrap().version, signed + 1);
            assert_eq!(served(&folder, &store), signed + 1);
            assert_eq!(versions(&folder, "acme").unwrap(), (1..=signed + 1).collect::<Vec<_>>());
            steps += 1;
        }
        assert_eq!(steps, 6, "component, native code, history, record, and the code once more");
    }
}

#[test]
fn no_writer_loses_the_version_of_another() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(directory.path().to_owned()), store(directory.path()));
    put(&folder, &store, "one").unwrap();
    let key = key();
    let calls = Cell::new(0);
    // While it works, another writer is faster, three times.
    let record = publisher(&folder, &store, &key)
        .publish("acme", None, |current| {
            calls.set(calls.get() + 1);
            assert_eq!(current.unwrap().version, calls.get());
            if calls.get() <= 3 {
                put(&folder, &store, &format!("other {}", calls.get())).unwrap();
            }
            same(current)
        })
        .unwrap();
    assert_eq!((record.version, calls.get()), (5, 4));
    assert_eq!(*record.handler.unwrap().code.digest(), Digest::of(b"other 3"));
    assert_eq!(versions(&folder, "acme").unwrap(), [1, 2, 3, 4, 5]);
    // One that is never fast enough gives up.
    let error = publisher(&folder, &store, &key).publish("acme", None, |current| {
        put(&folder, &store, "faster").unwrap();
        same(current)
    });
    assert!(error.unwrap_err().downcast_ref::<Conflict>().is_some());
}

#[test]
fn an_expected_version_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(directory.path().to_owned()), store(directory.path()));
    put(&folder, &store, "one").unwrap();
    let key = key();
    let publish =
        |expected| publisher(&folder, &store, &key).publish("acme", Some(expected), |_| Ok(Draft::default()));
    let conflict = publish(0).unwrap_err();
    assert_eq!(conflict.to_string(), "the tenant \"acme\" has version 1, and not 0");
    assert!(conflict.downcast_ref::<Conflict>().is_some());
    let removed = publish(1).unwrap();
    assert_eq!((removed.version, removed.handler), (2, None));
}

/// A store with three versions of a tenant, and the files of their records.
fn three_versions() -> (tempfile::TempDir, Folder, Store, Vec<Vec<u8>>) {
    let directory = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(directory.path().to_owned()), store(directory.path()));
    let record = || folder.read(&Key::record("acme"), MAX_ENVELOPE).unwrap().unwrap();
    let put = |code: &str| {
        put(&folder, &store, code).unwrap();
        record()
    };
    let files = ["one", "two", "three"].map(put).to_vec();
    (directory, folder, store, files)
}

#[test]
fn an_old_record_that_was_put_back_is_not_signed_again() {
    let (directory, folder, store, files) = three_versions();
    let key = key();
    let publisher = publisher(&folder, &store, &key);
    let record = directory.path().join(Key::record("acme").as_str());
    let refused = |expected: &str| {
        let changes: [Make; 3] = [same, |_| Ok(draft("four")), |_| Ok(Draft::default())];
        for change in changes {
            let error = publisher.publish("acme", None, change).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("tenants repair"), "{error}");
        }
        assert_eq!(versions(&folder, "acme").unwrap(), [1, 2, 3], "nothing was signed");
    };
    std::fs::write(&record, &files[0]).unwrap();
    refused("the record of the tenant \"acme\" has version 1, but version 3 is in its history");
    std::fs::remove_file(&record).unwrap();
    refused("the tenant \"acme\" has no record, but version 3 is in its history");
    // Another record with a signed version, as a store has it whose history was removed.
    let other = Record { version: 3, ..Record::of_file(&files[0], &store.public_keys).unwrap() };
    std::fs::write(&record, other.seal(&key).unwrap()).unwrap();
    refused("different records that are both signed as version 3");
    // One version back may be a writer that has died. What it had signed counts, and nothing older.
    std::fs::write(&record, &files[1]).unwrap();
    let next = publisher.publish("acme", None, same).unwrap();
    assert_eq!((next.version, next.handler), (4, draft("three").handler));
}

#[test]
fn a_record_is_in_the_history_before_it_takes_effect() {
    let (directory, folder, store, files) = three_versions();
    let key = key();
    for (version, file) in (1..).zip(&files) {
        let earlier = folder.read(&Key::earlier("acme", version), MAX_ENVELOPE).unwrap();
        assert_eq!(earlier.as_ref(), Some(file), "the same bytes");
    }
    // A record that another program has written is put there, too.
    std::fs::remove_dir_all(directory.path().join("history")).unwrap();
    assert_eq!(put(&folder, &store, "four").unwrap().version, 4);
    assert_eq!(versions(&folder, "acme").unwrap(), [3, 4]);
    // A file that is no record is in the way, and is not replaced.
    folder.create(&Key::earlier("acme", 5), b"{}").unwrap();
    let error = format!("{:#}", put(&folder, &store, "five").unwrap_err());
    assert!(error.contains("is in the way of the next version; remove this file: "), "{error}");
    let publisher = publisher(&folder, &store, &key);
    std::fs::write(directory.path().join(Key::record("acme").as_str()), "{}").unwrap();
    let error = format!("{:#}", publisher.publish("acme", None, same).unwrap_err());
    assert!(
        error.contains("this is not a record of the tenant \"acme\"; `bulkhead tenants repair"),
        "{error}"
    );
}

#[test]
fn without_a_time_a_record_is_valid_for_as_long_as_the_one_before() {
    let (_directory, folder, store, files) = three_versions();
    let key = key();
    let before = Record::of_file(&files[2], &store.public_keys).unwrap();
    let later = before.not_before + Duration::from_secs(30);
    let kept = Publisher { valid_for: None, now: later, ..publisher(&folder, &store, &key) };
    let next = kept.publish("acme", None, same).unwrap();
    assert_eq!((next.not_before, next.expires), (later, before.expires));
    let expired = Publisher { now: before.expires, ..kept };
    let error = expired.publish("acme", None, same).unwrap_err().to_string();
    assert_eq!(error, "the tenant \"acme\" has expired; put it again");
}

#[test]
fn a_removal_is_valid_for_as_long_as_every_record_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(directory.path().to_owned()), store(directory.path()));
    let one = put(&folder, &store, "one").unwrap();
    let key = key();
    let short = Publisher { valid_for: Some(Duration::from_secs(1)), ..publisher(&folder, &store, &key) };
    assert!(short.publish("acme", None, same).unwrap().expires < one.expires);
    assert!(short.publish("acme", None, |_| Ok(Draft::default())).unwrap().expires >= one.expires);
}

#[test]
fn a_file_that_nobody_signed_does_not_choose_the_next_version() {
    let (_directory, folder, store, files) = three_versions();
    for (version, content) in [(MAX_VERSION - 1, &b""[..]), (u64::MAX, b"{}"), (7, &files[0])] {
        folder.create(&Key::earlier("acme", version), content).unwrap();
    }
    assert_eq!(put(&folder, &store, "four").unwrap().version, 4);
}

#[test]
fn what_a_writer_has_signed_takes_effect_once_even_if_another_completes_it() {
    let (_directory, folder, store, _) = three_versions();
    // As soon as the writer has signed version 4, another one completes it, and puts the next one.
    let after = |key: &Key| {
        if *key == Key::earlier("acme", 4) {
            assert_eq!(put(&folder, &store, "five")?.version, 5);
        }
        Ok(())
    };
    let disturbed = Disturbed { folder: &folder, before: |_: &Key, _: &[u8]| Ok(()), after };
    assert_eq!(put(&disturbed, &store, "four").unwrap().version, 4);
    let key = key();
    assert_eq!(publisher(&folder, &store, &key).settled("acme").unwrap().unwrap().record.version, 5);
    assert_eq!(versions(&folder, "acme").unwrap(), [1, 2, 3, 4, 5]);
}

#[test]
fn code_that_is_removed_while_a_record_is_written_is_written_again() {
    let (_directory, folder, store, _) = three_versions();
    // The worst collector: it removes all code whenever a record was written.
    let after = |key: &Key| {
        let soon = SystemTime::now() + Duration::from_secs(60);
        let code = [folder.list("components")?, folder.list("native")?].concat();
        let is_record = key.as_str().ends_with(".json");
        code.iter()
            .filter(|_| is_record)
            .try_for_each(|found| folder.remove_older(&found.key, soon).map(drop))
    };
    let disturbed = Disturbed { folder: &folder, before: |_: &Key, _: &[u8]| Ok(()), after };
    assert_eq!(put(&disturbed, &store, "four").unwrap().version, 4);
    assert_eq!(served(&folder, &store), 4);
}
