//! Stores that are honest and stores that lie, and what a function says of their tenants.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, also in its helpers"
)]

mod bucket;
mod changes;
mod hostile;
mod scripts;
mod waits;

use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;
use crate::dispatch::catalog::Source;
use crate::dispatch::fixture;
use crate::engine::{self, BUILD, Target};
use crate::log::{Format, LogSettings};
use crate::policy::manifest::Manifest;
use crate::policy::manifest::store::Settings;
use crate::runtime_api::shutdown::Stop;
use crate::store::key::SigningKey;
use crate::store::layout::Key;
use crate::store::{Code, ComponentCode, Digest, Handler, Native, Record};

const KEY: &str = include_str!("../../../schema/vectors/ed25519.pem");

/// A store in a directory, and a function that reads it.
struct Stage {
    folder: tempfile::TempDir,
    stored: Arc<StoredTenants>,
    key: SigningKey,
}

impl Stage {
    fn new(more: &str) -> Self {
        Self::at(|folder| format!("url = 'file://{}'", folder.display()), more)
    }

    /// The store in a folder, whose place the manifest has like this.
    fn at(url: impl FnOnce(&Path) -> String, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::read(KEY).unwrap();
        let url = url(folder.path());
        let toml = format!("[store]\nname = 'prod'\n{url}\npublic_keys = ['{}']\n{more}", key.public());
        let settings = Manifest::parse(&toml).unwrap().store.unwrap();
        let (engine, _) = engine::start(1).unwrap();
        let imports = crate::capabilities::imports(&engine).unwrap();
        let source = Source { engine, imports, task_root: "/nonexistent".into(), is_lazy: true };
        let log = Arc::new(Log::new(&LogSettings {
            format: Format::Text,
            level: Level::Error,
            telemetry_fd: None,
            batches: false,
        }));
        let reader = Reader::new(&settings, crate::aws::Client::default(), &bucket::role());
        Self { folder, stored: StoredTenants::new(settings, reader, source, log, 3), key }
    }

    fn write(&self, key: &Key, content: &[u8]) {
        write(&self.folder.path().join(key.as_str()), content);
    }

    /// Writes the record of a tenant, changed by this.
    fn put(&self, tenant: &str, version: u64, change: impl FnOnce(&mut Record)) -> Record {
        let (component, native) = code();
        let digest = Digest::of(&native);
        self.write(&Key::native(&digest), &native);
        let native = Native {
            target: Target::host().unwrap().name().to_owned(),
            build: BUILD.to_owned(),
            bytes: u64::try_from(native.len()).unwrap(),
            digest,
        };
        let settings = Settings::default();
        let code = ComponentCode { component, kind: "command".to_owned(), native: vec![native] };
        let handler = Handler { code: Code::Component(code), settings };
        let now = SystemTime::now();
        let hour = Duration::from_secs(3600);
        let mut record = Record {
            tenant: tenant.to_owned(),
            store: "prod".to_owned(),
            version,
            not_before: now - hour,
            expires: now + hour,
            handler: Some(handler),
        };
        change(&mut record);
        self.write(&Key::record(tenant), &record.seal(&self.key).unwrap());
        record
    }

    fn find(&self, tenant: &str) -> Found {
        self.find_all(&[tenant]).remove(tenant).unwrap()
    }

    fn find_all(&self, tenants: &[&str]) -> Answers {
        block_on(self.find_all_soon(tenants))
    }

    async fn find_all_soon(&self, tenants: &[&str]) -> Answers {
        let ids = tenants.iter().map(|id| Arc::from(*id)).collect();
        let (meter, mut stop) = (Meter::new(Duration::MAX), Stop::default());
        self.stored.find_all(ids, &mut Waiting::new(in_half_a_minute(), &meter, &mut stop)).await
    }

    fn component(&self, handler: usize) -> Result<Loaded, Absence> {
        let (meter, mut stop) = (Meter::new(Duration::MAX), Stop::default());
        block_on(self.stored.component(handler, Waiting::new(in_half_a_minute(), &meter, &mut stop)))
    }

    fn invalid(&self, tenant: &str) -> String {
        match self.find(tenant) {
            Err(Absence::Invalid(reason)) => reason.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

/// The component that a record names.
fn component(record: &mut Record) -> &mut ComponentCode {
    match &mut record.handler.as_mut().unwrap().code {
        Code::Component(component) => component,
        Code::Script(digest) => panic!("it is the script {digest}"),
    }
}

fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    // As a writer does it.
    let beside = path.with_extension("new");
    std::fs::write(&beside, content).unwrap();
    std::fs::rename(beside, path).unwrap();
}

fn in_half_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A component and its native code.
fn code() -> (Digest, Vec<u8>) {
    let wasm = wat::parse_str(
        r#"(component
            (core module $m (func (export "run") (result i32) i32.const 0))
            (core instance $i (instantiate $m))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance (export "wasi:cli/run@0.2.6") (export "run" (func $run))))"#,
    )
    .unwrap();
    let native = crate::wasm::compile(&wasm, &wasm, Target::host().unwrap()).unwrap();
    (Digest::of(&wasm), native)
}

const FOREVER: &str = "refresh = '1h'";
/// So short that every look is a new one.
const NEVER: &str = "refresh = '1ms'\nmax_stale = '1ms'";

fn wait_a_look() {
    let until = SystemTime::now() + Duration::from_millis(2);
    while SystemTime::now() <= until {
        thread::yield_now();
    }
}

#[test]
fn a_tenant_is_fetched_once_and_served_from_memory() {
    let stage = Stage::new(FOREVER);
    let record = stage.put("acme", 1, |_| ());
    let tenant = stage.find("acme").unwrap();
    assert_eq!((tenant.handler, tenant.policy.events.get()), (3, 1), "above those of the catalog");
    assert!(stage.stored.has(3) && !stage.stored.has(2) && stage.stored.loaded(3).is_none());
    let loaded = stage.component(3).unwrap();
    assert_eq!(&*loaded.digest, record.handler.unwrap().code.digest().as_str());
    // The store is not needed any more.
    std::fs::remove_dir_all(stage.folder.path()).unwrap();
    assert_eq!(stage.find("acme").unwrap().handler, 3);
    assert!(stage.component(3).is_ok() && stage.stored.loaded(3).is_some());
}

#[test]
fn tenants_with_the_same_code_and_settings_share_them() {
    let stage = Stage::new(FOREVER);
    for tenant in ["a", "b"] {
        stage.put(tenant, 1, |_| ());
    }
    stage.put("c", 1, |record| {
        let handler = record.handler.as_mut().unwrap();
        handler.settings.limits.insert("memory".to_owned(), 1 << 20);
    });
    let [a, b, c] = ["a", "b", "c"].map(|tenant| stage.find(tenant).unwrap());
    assert!(a.handler == b.handler && a.handler == c.handler);
    assert!(Arc::ptr_eq(&a.policy, &b.policy) && !Arc::ptr_eq(&a.policy, &c.policy));
    assert_eq!(c.policy.limits.memory, 1 << 20);
}

#[test]
fn a_record_that_lies_costs_its_tenant_and_says_why() {
    let stage = Stage::new(FOREVER);
    stage.put("good", 1, |_| ());
    let good = std::fs::read(stage.folder.path().join(Key::record("good").as_str())).unwrap();
    stage.write(&Key::record("other tenant"), &good);
    assert_eq!(stage.invalid("other tenant"), "it is the record of the tenant \"good\"");
    stage.put("other store", 1, |record| "staging".clone_into(&mut record.store));
    assert!(stage.invalid("other store").contains("written for the store \"staging\""));
    let mut flipped = good;
    flipped[40] ^= 1;
    stage.write(&Key::record("flipped"), &flipped);
    assert!(stage.invalid("flipped").starts_with("it is not signed by a key in public_keys"));
    let key = SigningKey::read(&SigningKey::generate(crate::policy::KeyKind::P256).unwrap()).unwrap();
    let record = stage.put("other key", 1, |_| ());
    stage.write(&Key::record("other key"), &record.seal(&key).unwrap());
    assert!(stage.invalid("other key").starts_with("it is not signed by a key in public_keys"));
    stage.put("expired", 1, |record| record.expires = SystemTime::now());
    assert!(stage.invalid("expired").contains("; put the tenant again"));
    stage.put("too much", 1, |record| {
        record.handler.as_mut().unwrap().settings.limits.insert("memory".to_owned(), 1 << 30);
    });
    assert!(stage.invalid("too much").contains("1GiB is more than the store allows (128MiB)"));
    stage.put("other build", 1, |record| {
        "bulkhead 0.0.1".clone_into(&mut component(record).native[0].build);
    });
    assert!(stage.invalid("other build").contains("no native code for bulkhead 0.1.0"));
    let large = stage.folder.path().join(Key::record("large").as_str());
    std::fs::File::create(&large).unwrap().set_len(100 << 20).unwrap();
    assert!(stage.invalid("large").contains("the file has 104857600 bytes, and at most 131072 are read"));
    let link = stage.folder.path().join(Key::record("link").as_str());
    symlink(stage.folder.path().join(Key::record("good").as_str()), link).unwrap();
    assert!(stage.invalid("link").contains("not a file of the store, but a link"));
    // Ids are not paths, and differ in case.
    for id in ["../good", "GOOD", "good.json", "tenants/good"] {
        assert_eq!(stage.find(id).unwrap_err(), Absence::Unknown, "{id}");
    }
    assert!(stage.find("good").is_ok());
}

#[test]
fn code_that_lies_is_never_loaded() {
    let stage = Stage::new(NEVER);
    let path = |record: &Record| {
        let digest = &record.handler.as_ref().unwrap().native()[0].digest;
        stage.folder.path().join(Key::native(digest).as_str())
    };
    let reason = |tenant: &str| {
        wait_a_look();
        let handler = stage.find(tenant).unwrap().handler;
        match stage.component(handler).unwrap_err() {
            Absence::Invalid(reason) | Absence::Unavailable(reason) => reason.to_string(),
            Absence::Unknown => panic!("it is known"),
        }
    };
    let record = stage.put("acme", 1, |_| ());
    let good = std::fs::read(path(&record)).unwrap();
    std::fs::remove_file(path(&record)).unwrap();
    assert!(reason("acme").ends_with("the file is not in the store"));
    for at in [0, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        write(&path(&record), &flipped);
        assert!(reason("acme").ends_with("the file has another digest"));
    }
    write(&path(&record), &good[1..]);
    assert!(reason("acme").ends_with("the file has another digest"));
    write(&path(&record), &[&good[..], b"more"].concat());
    assert!(reason("acme").contains("bytes, and at most "));
    write(&path(&record), &good);
    wait_a_look();
    assert!(stage.component(stage.find("acme").unwrap().handler).is_ok());
    // Signed, and yet not what the record says.
    stage.put("kind", 1, |record| "http".clone_into(&mut component(record).kind));
    assert!(reason("kind").contains("of the kind command, and not of the kind \"http\""));
    stage.put("source", 1, |record| component(record).component = Digest::of(b"other"));
    assert!(reason("source").contains("it is stale"));
    let text = b"not native code";
    stage.write(&Key::native(&Digest::of(text)), text);
    stage.put("text", 1, |record| {
        let native = &mut component(record).native[0];
        (native.digest, native.bytes) = (Digest::of(text), 15);
    });
    assert!(reason("text").contains("it is damaged, or was not made by `bulkhead compile`"));
    // An engine of scripts is nobody's handler, whatever it is called.
    let engine = fixture::engine("");
    let code = crate::wasm::compile(&engine, &engine, Target::host().unwrap()).unwrap();
    stage.write(&Key::native(&Digest::of(&code)), &code);
    for kind in ["engine", "handler"] {
        stage.put(kind, 1, |record| {
            let component = component(record);
            component.component = Digest::of(&engine);
            kind.clone_into(&mut component.kind);
            let native = &mut component.native[0];
            (native.digest, native.bytes) = (Digest::of(&code), u64::try_from(code.len()).unwrap());
        });
        assert!(
            reason(kind).contains("put the script itself, with `bulkhead tenants put ID --script FILE.js`")
        );
    }
}

#[test]
fn a_known_tenant_is_looked_at_behind_an_event_and_not_before_it() {
    let stage = Stage::new("refresh = '1ms'\nmax_stale = '1h'");
    stage.put("acme", 1, |_| ());
    assert_eq!(stage.find("acme").unwrap().policy.limits.memory, 128 << 20);
    stage.put("acme", 2, |record| {
        record.handler.as_mut().unwrap().settings.limits.insert("memory".to_owned(), 1 << 20);
    });
    wait_a_look();
    let found = block_on(async {
        let find = || stage.find_all_soon(&["acme"]);
        let first = find().await["acme"].clone().unwrap();
        // The look goes on without the event.
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let next = find().await["acme"].clone().unwrap();
            if next.policy.limits.memory != first.policy.limits.memory {
                return (first, next);
            }
            assert!(Instant::now() < until, "it was never looked at");
            tokio::task::yield_now().await;
        }
    });
    assert_eq!((found.0.policy.limits.memory, found.1.policy.limits.memory), (128 << 20, 1 << 20));
    // Without its store it is served as it was.
    std::fs::remove_dir_all(stage.folder.path()).unwrap();
    for _ in 0..3 {
        wait_a_look();
        assert!(stage.find("acme").is_ok());
    }
    assert!(
        matches!(stage.find("globex"), Err(Absence::Unavailable(reason)) if reason.contains("No such file"))
    );
}

#[test]
fn a_tenant_is_not_served_for_longer_than_its_record_is_valid() {
    let stage = Stage::new(FOREVER);
    let record = stage.put("acme", 1, |_| ());
    assert!(stage.find("acme").is_ok());
    let look = |now| stage.stored.lock().cache.look("acme", now);
    assert!(matches!(look(SystemTime::now()), Look::Fresh(Ok(_))));
    assert!(matches!(look(record.expires), Look::Missing));
}

#[test]
fn ids_without_end_and_records_without_end_take_no_more_than_so_much() {
    let stage = Stage::new(FOREVER);
    stage.put("acme", 1, |_| ());
    let ids: Vec<String> = (0..3000).map(|number| format!("stranger {number}")).collect();
    for ids in ids.chunks(100) {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        assert!(stage.find_all(&ids).values().all(|found| found.as_ref().unwrap_err() == &Absence::Unknown));
    }
    assert!(stage.stored.lock().cache.sizes()[1] <= 1000);
    // One event has a hundred of them fetched.
    let more: Vec<String> = (0..150).map(|number| format!("other {number}")).collect();
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let answers = stage.find_all(&more);
    let unavailable =
        |found: &&Found| matches!(found, Err(Absence::Unavailable(reason)) if reason.contains("at most 100"));
    assert_eq!(answers.values().filter(unavailable).count(), 50);
}

#[test]
fn components_that_are_not_used_go_and_come_back() {
    let stage = Stage::new("refresh = '1h'\ncache = '1MiB'");
    let (_, native) = code();
    let count = (1 << 20) / native.len() + 3;
    // The same code under several digests: a record may say what it likes, and the digest is of the bytes.
    let mut handlers = Vec::new();
    for number in 0..count {
        let tenant = format!("t{number}");
        stage.put(&tenant, 1, |record| {
            component(record).native[0].bytes += u64::try_from(number).unwrap();
        });
        let handler = stage.find(&tenant).unwrap().handler;
        handlers.push(handler);
        assert!(stage.component(handler).is_ok());
        let [.., loaded, _] = stage.stored.lock().cache.sizes();
        assert!(loaded * native.len() <= 1 << 20, "{loaded}");
    }
    let distinct: std::collections::BTreeSet<_> = handlers.iter().collect();
    assert_eq!(distinct.len(), count);
    assert!(stage.stored.loaded(handlers[0]).is_none() && stage.stored.loaded(handlers[count - 1]).is_some());
    assert!(stage.component(handlers[0]).is_ok());
}
