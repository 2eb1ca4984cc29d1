//! What is kept and what is removed, and a record that is written at the same time.

use std::path::Path;
use std::rc::Rc;

use bulkhead_host::policy::KeyKind;
use bulkhead_host::policy::manifest::store::Settings;
use bulkhead_host::store::key::SigningKey;
use bulkhead_host::store::{ComponentCode, Digest, Handler};

use super::*;
use crate::tenants::code::Code;
use crate::tenants::files::Folder;
use crate::tenants::fixture::{Disturbed, key, store};
use crate::tenants::history::versions;
use crate::tenants::publish::{Draft, Publisher};

const HOUR: Duration = Duration::from_secs(3600);

/// Publishes a tenant at this time, with a component of this text, or removes it.
fn publish(files: &impl Files, store: &Store, code: Option<&str>, time: SystemTime) -> Record {
    let key = key();
    let publisher = Publisher { files, store, key: &key, now: time, valid_for: Some(HOUR) };
    let handler = code.map(|code| Handler {
        code: bulkhead_host::store::Code::Component(ComponentCode {
            component: Digest::of(code.as_bytes()),
            kind: "handler".to_owned(),
            native: Vec::new(),
        }),
        settings: Settings::default(),
    });
    let code = code.map(|code| Code::new(code.as_bytes().to_vec(), Vec::new())).unwrap_or_default();
    let code = Rc::new(code);
    let draft = |_: Option<&Record>| Ok(Draft { handler: handler.clone(), code: Rc::clone(&code) });
    publisher.publish("acme", None, draft).unwrap()
}

/// Removes all that is not needed, however young it is, and gives the number of files that were removed.
fn collect(files: &impl Files, store: &Store, keep: usize) -> usize {
    let mut collector = Collector::new(files, store, keep);
    collector.collect(Duration::ZERO).unwrap();
    collector.removed.files.len()
}

/// Makes all code older than it is.
fn age(path: &Path) {
    for entry in std::fs::read_dir(path.join("components")).unwrap() {
        let file = std::fs::File::open(entry.unwrap().path()).unwrap();
        file.set_modified(SystemTime::now() - 2 * HOUR).unwrap();
    }
}

#[test]
fn earlier_versions_go_with_their_code_and_a_removed_tenant_when_its_removal_has_expired() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (folder, store) = (Folder::new(path.to_owned()), store(path));
    let now = now();
    for code in ["one", "two", "three"] {
        publish(&folder, &store, Some(code), now);
    }
    age(path);
    assert_eq!(collect(&folder, &store, 1), 2, "version 1 and its component");
    assert_eq!(versions(&folder, "acme").unwrap(), [2, 3]);
    assert_eq!(collect(&folder, &store, 0), 2);
    assert_eq!(versions(&folder, "acme").unwrap(), [3], "the current version stays");
    publish(&folder, &store, None, now - 3 * HOUR);
    // It is valid for as long as what it removes.
    assert_eq!(collect(&folder, &store, 0), 2);
    assert_eq!(versions(&folder, "acme").unwrap(), [4]);
}

#[test]
fn nothing_of_a_removed_tenant_is_left_in_the_end_unless_a_newer_version_was_signed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (folder, store) = (Folder::new(path.to_owned()), store(path));
    let past = now() - 3 * HOUR;
    publish(&folder, &store, Some("one"), past);
    publish(&folder, &store, None, past);
    let removal = std::fs::read(path.join(Key::record("acme").as_str())).unwrap();
    publish(&folder, &store, Some("three"), now());
    publish(&folder, &store, Some("four"), now());
    let record = std::fs::read(path.join(Key::record("acme").as_str())).unwrap();
    age(path);
    // Somebody has put the removal back.
    std::fs::write(path.join(Key::record("acme").as_str()), removal).unwrap();
    assert_eq!(collect(&folder, &store, 0), 2, "version 1 and its component");
    assert_eq!(versions(&folder, "acme").unwrap(), [2, 3, 4]);
    std::fs::write(path.join(Key::record("acme").as_str()), record).unwrap();
    // A removal that has expired, of a store of its own.
    let other = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(other.path().to_owned()), self::store(other.path()));
    publish(&folder, &store, Some("one"), past);
    publish(&folder, &store, None, past);
    age(other.path());
    assert_eq!(collect(&folder, &store, 10), 4, "both versions, the record and the component");
    assert_eq!(folder.list("history").unwrap().len() + folder.list("tenants").unwrap().len(), 0);
    assert_eq!(publish(&folder, &store, Some("one"), now()).version, 1);
}

/// The same while somebody publishes "new" before each file is removed.
fn collect_late(folder: &Folder, store: &Store) -> usize {
    let before = |_: &Key, _: &[u8]| {
        publish(folder, store, Some("new"), now());
        Ok(())
    };
    collect(&Disturbed { folder, before, after: |_: &Key| Ok(()) }, store, 5)
}

#[test]
fn what_is_put_while_files_are_removed_is_not_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (folder, store) = (Folder::new(path.to_owned()), store(path));
    // A component that nothing refers to, until somebody uses it again.
    folder.write(&Key::component(&Digest::of(b"new")), b"new").unwrap();
    age(path);
    assert_eq!(collect_late(&folder, &store), 0);
    assert!(folder.read(&Key::component(&Digest::of(b"new")), 9).unwrap().is_some());
    // A removed tenant that has expired, and is put again.
    let other = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(other.path().to_owned()), self::store(other.path()));
    publish(&folder, &store, None, now() - 3 * HOUR);
    collect_late(&folder, &store);
    let file = folder.read(&Key::record("acme"), MAX_ENVELOPE).unwrap().unwrap();
    assert!(read(&file, &store).unwrap().handler.is_some(), "the record that was put is there");
}

#[test]
fn what_cannot_be_read_is_kept_with_what_it_needs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (folder, mut store) = (Folder::new(path.to_owned()), store(path));
    publish(&folder, &store, Some("one"), now());
    publish(&folder, &store, Some("two"), now());
    folder.write(&Key::component(&Digest::of(b"stray")), b"stray").unwrap();
    age(path);
    // Its key has left `public_keys`: the records still say what they need.
    let other = SigningKey::read(&SigningKey::generate(KeyKind::P256).unwrap()).unwrap();
    let keys = std::mem::replace(&mut store.public_keys, vec![other.public().clone()]);
    let mut collector = Collector::new(&folder, &store, 0);
    collector.collect(Duration::ZERO).unwrap();
    assert_eq!(collector.removed.files, [Key::component(&Digest::of(b"stray")).to_string()]);
    let kept = collector.removed.kept;
    assert_eq!(kept.len(), 3);
    for expected in
        ["it is signed with the key ed25519:", "`bulkhead tenants resign`", "the code that it names"]
    {
        assert!(kept.iter().all(|text| text.contains(expected)), "{expected:?} is not in {kept:?}");
    }
    assert_eq!(versions(&folder, "acme").unwrap(), [1, 2]);
    // Of a damaged record nobody knows what it needs, so all code stays; the other versions do not need to.
    store.public_keys = keys;
    publish(&folder, &store, Some("three"), now());
    folder.write(&Key::component(&Digest::of(b"stray")), b"stray").unwrap();
    age(path);
    std::fs::write(path.join(Key::earlier("acme", 1).as_str()), b"{}").unwrap();
    assert_eq!(collect(&folder, &store, 0), 1);
    assert_eq!(versions(&folder, "acme").unwrap(), [1, 3]);
    assert_eq!(folder.list("components").unwrap().len(), 4);
}

#[test]
fn a_removal_stays_while_something_before_it_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (folder, store) = (Folder::new(path.to_owned()), store(path));
    let past = now() - 3 * HOUR;
    publish(&folder, &store, Some("one"), past);
    publish(&folder, &store, None, past);
    let first = path.join(Key::earlier("acme", 1).as_str());
    let good = std::fs::read(&first).unwrap();
    std::fs::write(&first, b"{}").unwrap();
    assert_eq!(collect(&folder, &store, 0), 0);
    std::fs::write(&first, good).unwrap();
    age(path);
    assert_eq!(collect(&folder, &store, 0), 4, "both versions, the record and the component");
}
