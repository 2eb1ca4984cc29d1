//! A store that somebody without a key has changed, and what may happen between a question and its answer: the environment
//! is frozen, the cache has no room any more, a fetch panics.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::store::State as FileState;
use cache::{Runs, Seen};
use fetch::FetchedTenant;

const HOUR: Duration = Duration::from_secs(3600);
/// Known tenants are looked at behind each event.
const BEHIND: &str = "refresh = '1ms'\nmax_stale = '1h'";

/// A record of this size that was fetched.
fn fetched(stage: &Stage, bytes: u64) -> Fetched {
    let native = Native { target: String::new(), build: String::new(), bytes: 1, digest: Digest::of(b"n") };
    let code = CodeOf { native, component: Digest::of(b"c"), kind: "command".to_owned() };
    Fetched::Tenant(Box::new(FetchedTenant {
        seen: Seen { version: 1, content: 1, has_handler: true },
        expires: SystemTime::now() + HOUR,
        policy: stage.stored.settings.policy(&Settings::default()).unwrap(),
        runs: Runs::Code(code),
        state: FileState::Object("".into()),
        bytes,
    }))
}

fn keep(stage: &Stage, tenant: &str, fetched: Fetched) -> Option<Found> {
    let now = SystemTime::now();
    stage.stored.lock().cache.put(&tenant.into(), fetched, now, now)
}

/// Events of a tenant until one has this property.
fn until(stage: &Stage, is_it: impl Fn(&Found) -> bool) -> Found {
    let until = in_half_a_minute();
    loop {
        wait_a_look();
        let found = stage.find("acme");
        if is_it(&found) {
            return found;
        }
        assert!(Instant::now() < until, "it is still {found:?}");
    }
}

fn is_stale(found: &Found) -> bool {
    found.as_ref().is_ok_and(|tenant| tenant.record.is_stale)
}

#[test]
fn nobody_without_a_key_takes_a_known_tenant_away() {
    let stage = Stage::new(BEHIND);
    stage.put("globex", 1, |_| ());
    stage.put("acme", 1, |_| ());
    let path = |tenant: &str| stage.folder.path().join(Key::record(tenant).as_str());
    let [old, of_globex] = ["acme", "globex"].map(|tenant| std::fs::read(path(tenant)).unwrap());
    stage.put("acme", 2, |_| ());
    let good = std::fs::read(path("acme")).unwrap();
    let before = stage.find("acme").unwrap();
    let mut flipped = good.clone();
    flipped[40] ^= 1;
    let large = vec![b' '; 200_000];
    for content in [b"{}".to_vec(), flipped, old, of_globex, large] {
        stage.write(&Key::record("acme"), &content);
        // It was looked at, and is served as before.
        let found = until(&stage, is_stale).unwrap();
        assert_eq!(found.record.generation, before.record.generation);
        assert!(stage.component(found.handler).is_ok());
        stage.write(&Key::record("acme"), &good);
        drop(until(&stage, |found| found.as_ref().is_ok_and(|tenant| !tenant.record.is_stale)));
    }
    // Somebody with a key does.
    stage.put("acme", 3, |record| {
        record.handler.as_mut().unwrap().settings.limits.insert("memory".to_owned(), 1 << 30);
    });
    drop(until(&stage, |found| matches!(found, Err(Absence::Invalid(_)))));
    stage.put("acme", 4, |_| ());
    drop(until(&stage, Result::is_ok));
    stage.put("acme", 5, |record| record.handler = None);
    drop(until(&stage, |found| found.as_ref().is_err_and(|absence| *absence == Absence::Unknown)));
}

#[test]
fn a_record_that_was_written_again_is_the_same_record() {
    let stage = Stage::new(NEVER);
    stage.put("acme", 1, |_| ());
    let generation = stage.find("acme").unwrap().record.generation;
    let path = stage.folder.path().join(Key::record("acme").as_str());
    let content = std::fs::read(path).unwrap();
    wait_a_look();
    stage.write(&Key::record("acme"), &content);
    assert_eq!(stage.find("acme").unwrap().record.generation, generation);
    // So is one that was signed with another key as well.
    let other = SigningKey::read(&SigningKey::generate(crate::policy::KeyKind::P256).unwrap()).unwrap();
    let trusted = [stage.key.public().clone()];
    let signed = crate::store::envelope::sign_again(&content, &trusted, &other).unwrap().unwrap();
    wait_a_look();
    stage.write(&Key::record("acme"), &signed);
    assert_eq!(stage.find("acme").unwrap().record.generation, generation);
    wait_a_look();
    stage.put("acme", 2, |_| ());
    assert_ne!(stage.find("acme").unwrap().record.generation, generation);
}

#[test]
fn a_record_that_has_not_changed_but_left_the_cache_meanwhile_is_fetched_again() {
    let stage = Stage::new(&format!("{NEVER}\ncache = '1MiB'"));
    stage.put("acme", 1, |_| ());
    assert!(stage.find("acme").is_ok());
    wait_a_look();
    let store = waits::occupy(&stage, Lane::Known);
    let meter = Meter::new(Duration::MAX);
    let mut pending =
        stage.stored.start_record(&mut stage.stored.lock(), &"acme".into(), Some(&meter)).unwrap();
    // Another tenant takes all the room that there is for records.
    keep(&stage, "large", fetched(&stage, 300_000)).unwrap().unwrap();
    assert!(matches!(stage.stored.lock().cache.look("acme", SystemTime::now()), Look::Missing));
    drop(store);
    let found = block_on(async { pending.wait_for(Option::is_some).await.unwrap().clone() });
    assert!(found.unwrap().is_ok());
}

#[test]
fn what_was_asked_before_the_environment_was_frozen_says_nothing_of_now() {
    let stage = Stage::new(BEHIND);
    stage.put("acme", 1, |_| ());
    // The clock at the first question, at its answer, at the second question, and from then on.
    let frozen = [Duration::ZERO, 2 * HOUR, 2 * HOUR, 2 * HOUR];
    let fetches = |times: [Duration; 4]| {
        let (asked, start) = (AtomicUsize::new(0), SystemTime::now() - 2 * HOUR);
        let clock = || {
            let at = asked.fetch_add(1, Ordering::Relaxed);
            start + times.get(at).copied().unwrap_or(2 * HOUR)
        };
        let known = Known::default();
        assert!(stage.stored.fetch_record(&"acme".into(), known, None, clock).is_ok());
        asked.into_inner() / 2
    };
    assert_eq!(fetches([2 * HOUR; 4]), 1);
    assert_eq!(fetches(frozen), 2);
    // It ends if the clock jumps again and again.
    assert_eq!(fetches([Duration::ZERO, HOUR * 2, Duration::ZERO, HOUR * 2]), 3);
}

#[test]
fn a_panic_in_a_fetch_takes_no_thread_and_blocks_no_tenant() {
    let stage = Stage::new(FOREVER);
    stage.put("acme", 1, |_| ());
    for _ in 0..20 {
        let job: Job = Box::new(|| panic!("in a fetch"));
        stage.stored.start(&mut stage.stored.lock(), Lane::Unknown, job).unwrap();
    }
    // What it leaves is a fetch without an end.
    let (sender, pending) = watch::channel(None);
    drop(sender);
    stage.stored.lock().records.insert("acme".into(), pending);
    assert!(stage.find("acme").is_ok());
    assert!(stage.stored.lock().records.is_empty());
}

#[test]
fn records_and_code_have_the_cache_together() {
    let stage = Stage::new("refresh = '1h'\ncache = '1MiB'");
    for (tenant, bytes) in [("a", 400_000), ("b", 400_001)] {
        stage.put(tenant, 1, |record| component(record).native[0].bytes = bytes);
        assert!(stage.component(stage.find(tenant).unwrap().handler).is_ok());
    }
    assert_eq!(stage.stored.lock().cache.sizes()[3], 2);
    keep(&stage, "large", fetched(&stage, 250_000)).unwrap().unwrap();
    assert_eq!(stage.stored.lock().cache.sizes()[3], 1);
}

#[test]
fn the_version_of_a_tenant_that_is_served_is_not_forgotten_for_those_of_others() {
    let stage = Stage::new(FOREVER);
    stage.put("acme", 2, |_| ());
    assert!(stage.find("acme").is_ok());
    for number in 0..200_001 {
        let seen = Seen { version: 1, content: 0, has_handler: false };
        keep(&stage, &format!("t{number}"), Fetched::Absent(Absence::Unknown, Some(seen)));
    }
    let known = stage.stored.lock().cache.known("acme", SystemTime::now());
    assert_eq!(known.seen.map(|seen| seen.version), Some(2));
}
