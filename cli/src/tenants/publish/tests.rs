//! Writers that die at every step, and writers that are faster than others.

use std::cell::Cell;
use std::path::Path;

use anyhow::bail;
use bulkhead_host::policy::manifest::Manifest;
use bulkhead_host::store::{Digest, Expected, Native};

use super::*;
use crate::tenants::files::{Folder, Found};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

fn store(path: &Path) -> Store {
    let toml = format!(
        "[store]\nname = 'prod'\nurl = 'file://{}'\npublic_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']",
        path.display()
    );
    Manifest::parse(&toml).unwrap().store.unwrap()
}

/// How a writer dies at its last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Before,
    Amid,
    After,
}

/// A writer that dies at one of its steps.
struct Dying<'f> {
    folder: &'f Folder,
    path: &'f Path,
    left: Cell<usize>,
    death: Death,
}

impl Dying<'_> {
    fn step<T>(
        &self,
        key: &Key,
        content: &[u8],
        step: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let left = self.left.get();
        self.left.set(left.wrapping_sub(1));
        if left > 0 {
            return step();
        }
        match self.death {
            Death::Before => {}
            Death::Amid => {
                let beside = self.path.join(key.as_str()).with_file_name(".unfinished-1");
                std::fs::create_dir_all(beside.parent().unwrap())?;
                std::fs::write(beside, &content[..content.len() / 2])?;
            }
            Death::After => drop(step()?),
        }
        bail!("it died");
    }
}

impl Files for Dying<'_> {
    fn read(&self, key: &Key, most: u64) -> anyhow::Result<Option<Vec<u8>>> {
        self.folder.read(key, most)
    }

    fn write(&self, key: &Key, content: &[u8]) -> anyhow::Result<()> {
        self.step(key, content, || self.folder.write(key, content))
    }

    fn create(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool> {
        self.step(key, content, || self.folder.create(key, content))
    }

    fn replace(&self, key: &Key, content: &[u8], before: Option<&[u8]>) -> anyhow::Result<bool> {
        self.step(key, content, || self.folder.replace(key, content, before))
    }

    fn list(&self, folder: &str) -> anyhow::Result<Vec<Found>> {
        self.folder.list(folder)
    }

    fn remove(&self, key: &Key) -> anyhow::Result<()> {
        self.folder.remove(key)
    }
}

/// Puts a tenant whose component is this text.
fn put(files: &impl Files, store: &Store, code: &str) -> anyhow::Result<Record> {
    let native = format!("{code}, compiled");
    let handler = Handler {
        component: Digest::of(code.as_bytes()),
        kind: "handler".to_owned(),
        settings: bulkhead_host::policy::manifest::store::Settings::default(),
        native: vec![Native {
            target: "x86_64".to_owned(),
            build: "1".to_owned(),
            digest: Digest::of(native.as_bytes()),
            bytes: u64::try_from(native.len()).unwrap(),
        }],
    };
    files.write(&Key::component(&handler.component), code.as_bytes())?;
    files.write(&Key::native(&handler.native[0].digest), native.as_bytes())?;
    let key = SigningKey::read(KEY).unwrap();
    publisher(files, store, &key).publish("acme", None, |_| Ok(Some(handler.clone())))
}

fn publisher<'a, F: Files>(files: &'a F, store: &'a Store, key: &'a SigningKey) -> Publisher<'a, F> {
    Publisher { files, store, key, now: crate::tenants::now(), valid_for: Duration::from_secs(60) }
}

/// The version that a bootstrap would serve, all of whose files have to be there.
fn served(folder: &Folder, store: &Store) -> u64 {
    let file = folder.read(&Key::record("acme"), MAX_ENVELOPE).unwrap().unwrap();
    let expected = Expected { tenant: "acme", store: "prod", seen: 0, now: crate::tenants::now() };
    let record = Record::open(&file, &store.public_keys, expected).unwrap();
    let handler = record.handler.as_ref().unwrap();
    let native = &handler.native[0];
    for (key, digest) in [
        (Key::component(&handler.component), &handler.component),
        (Key::native(&native.digest), &native.digest),
    ] {
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
            let dying = Dying { folder: &folder, path, left: Cell::new(steps), death };
            let died = put(&dying, &store, "two").is_err();
            let version = served(&folder, &store);
            if !died {
                assert_eq!(version, 2);
                break;
            }
            // Only the very last step can change what is served.
            assert!(
                version == 1 || (death == Death::After && steps == 3),
                "{death:?} at step {steps}: {version}"
            );
            // The next writer is not disturbed.
            assert_eq!(put(&folder, &store, "three").unwrap().version, version + 1);
            assert_eq!(served(&folder, &store), version + 1);
            steps += 1;
        }
        assert_eq!(steps, 4, "component, native code, history, record");
    }
}

#[test]
fn no_writer_loses_the_version_of_another() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(directory.path().to_owned()), store(directory.path()));
    put(&folder, &store, "one").unwrap();
    let key = SigningKey::read(KEY).unwrap();
    let calls = Cell::new(0);
    // While it works, another writer is faster, three times.
    let record = publisher(&folder, &store, &key)
        .publish("acme", None, |current| {
            calls.set(calls.get() + 1);
            assert_eq!(current.unwrap().version, calls.get());
            if calls.get() <= 3 {
                put(&folder, &store, &format!("other {}", calls.get())).unwrap();
            }
            Ok(current.unwrap().handler.clone())
        })
        .unwrap();
    assert_eq!((record.version, calls.get()), (5, 4));
    assert_eq!(record.handler.unwrap().component, Digest::of(b"other 3"));
    assert_eq!(versions(&folder, "acme").unwrap(), [1, 2, 3, 4]);
    // One that is never fast enough gives up.
    let error = publisher(&folder, &store, &key).publish("acme", None, |current| {
        put(&folder, &store, "faster").unwrap();
        Ok(current.unwrap().handler.clone())
    });
    assert!(error.unwrap_err().downcast_ref::<Conflict>().is_some());
}

#[test]
fn an_expected_version_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(directory.path().to_owned()), store(directory.path()));
    put(&folder, &store, "one").unwrap();
    let key = SigningKey::read(KEY).unwrap();
    let publish = |expected| publisher(&folder, &store, &key).publish("acme", Some(expected), |_| Ok(None));
    let conflict = publish(0).unwrap_err();
    assert_eq!(conflict.to_string(), "the tenant \"acme\" has version 1, and not 0");
    assert!(conflict.downcast_ref::<Conflict>().is_some());
    let removed = publish(1).unwrap();
    assert_eq!((removed.version, removed.handler), (2, None));
}

#[test]
fn the_versions_of_a_tenant_go_on_after_its_record_was_lost() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(directory.path().to_owned()), store(directory.path()));
    put(&folder, &store, "one").unwrap();
    put(&folder, &store, "two").unwrap();
    folder.remove(&Key::record("acme")).unwrap();
    assert_eq!(put(&folder, &store, "three").unwrap().version, 2, "1 is in the history");
    std::fs::write(directory.path().join(Key::record("acme").as_str()), "{}").unwrap();
    let error = format!("{:#}", put(&folder, &store, "four").unwrap_err());
    assert!(error.contains("this is not a record of the tenant \"acme\"; remove the file"), "{error}");
}

#[test]
fn a_removal_is_valid_for_as_long_as_what_it_removes() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(directory.path().to_owned()), store(directory.path()));
    let one = put(&folder, &store, "one").unwrap();
    let key = SigningKey::read(KEY).unwrap();
    let short = Publisher { valid_for: Duration::from_secs(1), ..publisher(&folder, &store, &key) };
    assert!(short.publish("acme", None, |_| Ok(None)).unwrap().expires >= one.expires);
}

#[test]
fn a_file_that_nobody_signed_does_not_choose_the_next_version() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, store) = (Folder::new(directory.path().to_owned()), store(directory.path()));
    put(&folder, &store, "one").unwrap();
    put(&folder, &store, "two").unwrap();
    let signed = folder.read(&Key::earlier("acme", 1), MAX_ENVELOPE).unwrap().unwrap();
    for (version, content) in [(MAX_VERSION - 1, &b""[..]), (u64::MAX, b"{}"), (7, &signed)] {
        folder.write(&Key::earlier("acme", version), content).unwrap();
    }
    assert_eq!(put(&folder, &store, "three").unwrap().version, 3);
}
