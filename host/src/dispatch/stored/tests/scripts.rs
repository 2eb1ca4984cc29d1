//! Tenants of a store whose handlers are scripts.

use super::bucket::{self, Mood};
use super::waits::occupy;
use super::*;
use crate::dispatch::scripts::{ScriptError, Scripts};
use crate::script::object::{self, MOST_OBJECT};
use crate::script::{File, Script};

const ENGINE: &str = "sha256:11";
const SCRIPTS: &str = "scripts = true\nrefresh = '1h'";
/// So short that every attempt is a new one.
const AT_ONCE: &str = "scripts = true\nrefresh = '1ms'\nmax_stale = '1ms'";

/// The object of a script of one file.
fn script(content: &str) -> Vec<u8> {
    let file = File { path: "index.js".into(), content: content.as_bytes().into() };
    object::write(&Script::new(Path::new("a/index.js").into(), "index.js", vec![file]).unwrap())
}

fn put(stage: &Stage, tenant: &str, version: u64, script: &Digest) {
    stage.put(tenant, version, |record| {
        record.handler.as_mut().unwrap().code = Code::Script(script.clone());
    });
}

/// Writes an object under its digest, and the record of a tenant that names it.
fn put_object(stage: &Stage, tenant: &str, version: u64, object: &[u8]) -> Key {
    let digest = Digest::of(object);
    let key = Key::script(&digest);
    stage.write(&key, object);
    put(stage, tenant, version, &digest);
    key
}

fn scripts(stage: &Stage) -> Arc<Scripts> {
    Scripts::new(
        stage.folder.path().join("nothing"),
        Some(Arc::clone(&stage.stored)),
        Arc::clone(&stage.stored.log),
    )
}

async fn get(scripts: &Arc<Scripts>, place: &Arc<Path>) -> Result<Arc<Script>, ScriptError> {
    let (meter, mut stop) = (Meter::new(Duration::MAX), Stop::default());
    scripts.get(place, &ENGINE.into(), Waiting::new(in_half_a_minute(), &meter, &mut stop)).await
}

/// The script of a tenant, as it is now.
fn script_of(stage: &Stage, scripts: &Arc<Scripts>, tenant: &str) -> Result<Arc<Script>, ScriptError> {
    wait_a_look();
    let place = stage.find(tenant).unwrap().script.unwrap();
    block_on(get(scripts, &place))
}

fn absence(script: Result<Arc<Script>, ScriptError>) -> Absence {
    match script {
        Err(ScriptError::Stored(absence)) => absence,
        other => panic!("{other:?}"),
    }
}

fn invalid(script: Result<Arc<Script>, ScriptError>) -> String {
    match absence(script) {
        Absence::Invalid(reason) => reason.to_string(),
        other @ (Absence::Unknown | Absence::Unavailable(_)) => panic!("{other:?}"),
    }
}

fn content(script: &Script) -> &[u8] {
    &script.file(&script.entry).unwrap().content
}

#[test]
fn a_script_is_fetched_once_for_all_tenants_that_have_it() {
    let stage = Stage::new(SCRIPTS);
    let object = script("1");
    put_object(&stage, "acme", 1, &object);
    put_object(&stage, "globex", 1, &object);
    let scripts = scripts(&stage);
    let [acme, globex] = ["acme", "globex"].map(|tenant| stage.find(tenant).unwrap());
    // The engine comes after the handlers of the manifest, and components after the engine.
    assert_eq!((acme.handler, globex.handler), (3, 3));
    assert!(!stage.stored.has(3) && stage.stored.has(4));
    let (place, same) = (acme.script.unwrap(), globex.script.unwrap());
    assert!(scripts.kept(&place).is_none());
    let store = occupy(&stage, Lane::Known);
    let (one, other, ()) = block_on(async {
        tokio::join!(get(&scripts, &place), get(&scripts, &same), async {
            drop(store);
        })
    });
    assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
    let kept = scripts.kept(&place).unwrap();
    assert_eq!((content(&kept), &*kept.digest), (&b"1"[..], Digest::of(&object).as_str()));
    // The store is not needed any more.
    std::fs::remove_dir_all(stage.folder.path()).unwrap();
    assert!(script_of(&stage, &scripts, "acme").is_ok());
    // A component beside them has a handler of its own.
    let other = Stage::new(SCRIPTS);
    other.put("initech", 1, |_| ());
    assert_eq!((other.find("initech").unwrap().handler, other.component(4).is_ok()), (4, true));
}

#[test]
fn a_script_that_is_replaced_is_another_one() {
    let stage = Stage::new(AT_ONCE);
    let scripts = scripts(&stage);
    put_object(&stage, "acme", 1, &script("1"));
    let first = script_of(&stage, &scripts, "acme").unwrap();
    put_object(&stage, "acme", 2, &script("2"));
    let second = script_of(&stage, &scripts, "acme").unwrap();
    assert_eq!((content(&first), content(&second)), (&b"1"[..], &b"2"[..]));
    assert_ne!(first.place, second.place, "no sandbox of the first serves the second");
    // Back again, and from a script to a component.
    put(&stage, "acme", 3, &Digest::of(&script("1")));
    assert!(Arc::ptr_eq(&script_of(&stage, &scripts, "acme").unwrap(), &first));
    wait_a_look();
    stage.put("acme", 4, |_| ());
    let tenant = stage.find("acme").unwrap();
    assert!(tenant.script.is_none() && stage.component(tenant.handler).is_ok());
    wait_a_look();
    stage.put("acme", 5, |record| record.handler = None);
    assert_eq!(stage.find("acme").unwrap_err(), Absence::Unknown);
}

#[test]
fn without_an_engine_a_record_of_a_script_is_refused_and_says_what_to_do() {
    let stage = Stage::new(FOREVER);
    put_object(&stage, "acme", 1, &script("1"));
    assert!(stage.invalid("acme").contains("set `scripts = true` in [store] of bulkhead.toml"));
}

#[test]
fn a_script_that_lies_is_never_run() {
    let stage = Stage::new(AT_ONCE);
    let scripts = scripts(&stage);
    let good = script("1");
    let key = put_object(&stage, "acme", 1, &good);
    let path = stage.folder.path().join(key.as_str());
    std::fs::remove_file(&path).unwrap();
    let missing = absence(script_of(&stage, &scripts, "acme"));
    assert!(
        matches!(missing, Absence::Unavailable(reason) if reason.ends_with("the file is not in the store"))
    );
    for at in [0, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        write(&path, &flipped);
        assert!(invalid(script_of(&stage, &scripts, "acme")).ends_with("the file has another digest"));
    }
    write(&path, &script("another tenant's"));
    assert!(invalid(script_of(&stage, &scripts, "acme")).ends_with("the file has another digest"));
    std::fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert!(invalid(script_of(&stage, &scripts, "acme")).contains("not a file of the store, but a link"));
    std::fs::remove_file(&path).unwrap();
    let large = u64::try_from(MOST_OBJECT).unwrap() + 1;
    std::fs::File::create(&path).unwrap().set_len(large).unwrap();
    assert!(invalid(script_of(&stage, &scripts, "acme")).contains("bytes, and at most "));
    write(&path, &good);
    assert_eq!(content(&script_of(&stage, &scripts, "acme").unwrap()), b"1");
    // Signed, and no script.
    for wrong in [b"a text".to_vec(), code().1, good[..good.len() - 1].to_vec()] {
        put_object(&stage, "wrong", 1, &wrong);
        let reason = invalid(script_of(&stage, &scripts, "wrong"));
        assert!(reason.contains(": this is not a script: "), "{reason}");
        std::fs::remove_file(stage.folder.path().join(Key::record("wrong").as_str())).unwrap();
        stage.stored.lock().cache = Cache::new(&stage.stored.settings, 3);
    }
}

#[test]
fn what_could_not_be_fetched_is_not_asked_for_again_at_once() {
    let (stage, objects) = bucket::stage(SCRIPTS);
    let scripts = scripts(&stage);
    let key = put_object(&stage, "acme", 1, &script("1"));
    let path = stage.folder.path().join(key.as_str());
    std::fs::rename(&path, path.with_extension("gone")).unwrap();
    assert!(stage.find("acme").is_ok());
    objects.asked();
    for _ in 0..3 {
        assert!(matches!(absence(script_of(&stage, &scripts, "acme")), Absence::Unavailable(_)));
    }
    let asked = objects.asked();
    assert!(asked.len() == 1 && asked[0].starts_with(&format!("GET /tenants/{key} ")), "{asked:?}");
    // The time of the last failure is long ago.
    stage.stored.failed_scripts.clear();
    std::fs::rename(path.with_extension("gone"), &path).unwrap();
    assert!(script_of(&stage, &scripts, "acme").is_ok());
    // What is in memory needs no store.
    objects.is(Mood::Gone);
    assert!(script_of(&stage, &scripts, "acme").is_ok());
    assert_eq!(objects.asked().len(), 1);
}

#[test]
fn an_event_waits_for_a_script_no_longer_than_its_time_and_strangers_do_not_delay_it() {
    let stage = Stage::new(SCRIPTS);
    let scripts = scripts(&stage);
    put_object(&stage, "acme", 1, &script("1"));
    let place = stage.find("acme").unwrap().script.unwrap();
    let strangers = occupy(&stage, Lane::Unknown);
    let known = occupy(&stage, Lane::Known);
    let (meter, mut stop) = (Meter::new(Duration::MAX), Stop::default());
    let waiting = Waiting::new(Instant::now() + Duration::from_millis(5), &meter, &mut stop);
    let late = absence(block_on(scripts.get(&place, &ENGINE.into(), waiting)));
    assert_eq!(late, unavailable("the store has not answered in time"));
    drop(known);
    assert!(script_of(&stage, &scripts, "acme").is_ok());
    drop(strangers);
}

#[test]
fn the_event_that_needs_a_script_first_is_charged_for_it_and_no_other_one() {
    let stage = Stage::new(SCRIPTS);
    let scripts = scripts(&stage);
    put_object(&stage, "acme", 1, &script("1"));
    let place = stage.find("acme").unwrap().script.unwrap();
    for is_charged in [true, false] {
        let (meter, mut stop) = (Meter::new(Duration::MAX), Stop::default());
        let waiting = Waiting::new(in_half_a_minute(), &meter, &mut stop);
        assert!(block_on(scripts.get(&place, &ENGINE.into(), waiting)).is_ok());
        assert_eq!(meter.spent() > Duration::ZERO, is_charged);
    }
}

#[test]
fn ten_thousand_tenants_with_scripts_cost_their_records_and_no_code() {
    let stage = Stage::new(SCRIPTS);
    for number in 0..10_000 {
        let id: Arc<str> = format!("t{number}").into();
        put(&stage, &id, 1, &Digest::of(id.as_bytes()));
        let fetched = stage.stored.fetcher.record(&id, &Known::default(), 1);
        let asked = SystemTime::now();
        let found = stage.stored.lock().cache.put(&id, fetched, asked, asked).unwrap().unwrap();
        assert_eq!(found.handler, 3);
    }
    let [tenants, absent, codes, loaded, policies] = stage.stored.lock().cache.sizes();
    assert_eq!((tenants, absent, codes, loaded, policies), (10_000, 0, 0, 0, 1));
}
