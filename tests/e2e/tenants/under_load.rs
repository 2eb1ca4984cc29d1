//! Tenants that are put, updated, rolled back and removed while two bootstraps are under load: one with one event at a time,
//! and one with eight.
//!
//! Threads send events without a pause, and write down what was answered and when. Afterwards each answer is compared with the
//! changes: it must be that of a record which was current when the event was sent, or a short time before.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_tests::{Answer, Event, Kind, TaskRoot};

use crate::stage::Stage;
use crate::store::Store;
use crate::store::bucket::World;

const TENANTS: [&str; 3] = ["acme", "globex", "initech"];

/// How old a record may be.
const REFRESH: Duration = Duration::from_millis(100);

/// How long after `refresh` an event may still have the old version: a slow machine looks at the store later.
const LATE: Duration = Duration::from_secs(10);

/// What a tenant is at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Gone,
    Echo,
    Context,
}

/// A change of a tenant.
#[derive(Debug)]
struct Change {
    tenant: &'static str,
    version: Version,
    began: Instant,
    done: Instant,
}

/// An event and its answer.
#[derive(Debug)]
struct Seen {
    tenant: &'static str,
    version: Version,
    sent: Instant,
    answered: Instant,
}

impl Version {
    fn of(answer: &Answer, tenant: &str) -> Self {
        match answer.kind {
            Kind::Error if answer.error_type() == "Runtime.UnknownTenant" => Self::Gone,
            Kind::Response if answer.text() == "[17]" => Self::Echo,
            Kind::Response if answer.json()["tenant_id"] == tenant => Self::Context,
            Kind::Response | Kind::Error => panic!("{tenant}: {}", answer.text()),
        }
    }
}

/// Sends an event of each tenant in turn, until `stop` is set.
fn load(stage: &Stage, first: usize, stop: &AtomicBool, seen: &Mutex<Vec<Seen>>) {
    for tenant in TENANTS.iter().cycle().skip(first) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let sent = Instant::now();
        let answer = stage.api.send(Event::json("[17]").tenant(tenant));
        let version = Version::of(&answer, tenant);
        seen.lock().expect("no thread has failed").push(Seen {
            tenant,
            version,
            sent,
            answered: Instant::now(),
        });
    }
}

/// Changes a tenant in each way.
fn change(store: &Store, tenant: &'static str) -> Vec<Change> {
    let changed = |version: Version, change: &dyn Fn()| {
        let began = Instant::now();
        change();
        Change { tenant, version, began, done: Instant::now() }
    };
    vec![
        changed(Version::Context, &|| drop(store.put(tenant, "context", &[]))),
        changed(Version::Echo, &|| drop(store.change(&["rollback", tenant]))),
        changed(Version::Gone, &|| drop(store.change(&["rm", tenant]))),
        changed(Version::Context, &|| drop(store.put(tenant, "context", &[]))),
        changed(Version::Echo, &|| drop(store.put(tenant, "echo", &[]))),
    ]
}

/// Whether a tenant could be at this version when the event was answered.
fn is_right(seen: &Seen, changes: &[Change]) -> bool {
    let of_tenant: Vec<&Change> = changes.iter().filter(|change| change.tenant == seen.tenant).collect();
    of_tenant.iter().enumerate().any(|(index, change)| {
        let next = of_tenant.get(index + 1);
        let is_over = next.is_some_and(|next| next.done + REFRESH + LATE < seen.sent);
        change.version == seen.version && change.began <= seen.answered && !is_over
    })
}

fn changes_under_load(store: &Store) {
    let begun = Instant::now();
    for tenant in TENANTS {
        store.put(tenant, "echo", &[]);
    }
    let mut changes: Vec<Change> = TENANTS
        .map(|tenant| Change { tenant, version: Version::Echo, began: begun, done: Instant::now() })
        .into();
    let manifest = store.manifest("refresh = '100ms'\n[limits]\nconcurrency = 8\n");
    let one = Stage::at(TaskRoot::new().manifest(&manifest), |bootstrap| bootstrap);
    let eight = Stage::managed(8, TaskRoot::new().manifest(&manifest), "");
    let (stop, seen) = (AtomicBool::new(false), [Mutex::default(), Mutex::default()]);
    thread::scope(|scope| {
        let (one, eight, stop, seen) = (&one, &eight, &stop, &seen);
        scope.spawn(move || load(one, 0, stop, &seen[0]));
        for first in 0..8 {
            scope.spawn(move || load(eight, first, stop, &seen[1]));
        }
        let _stops = Stops(stop);
        for tenant in TENANTS {
            changes.extend(change(store, tenant));
        }
        // Both serve the last version in the end.
        for seen in seen {
            let until = Instant::now() + LATE;
            let is_last = |tenant: &str| {
                let seen = seen.lock().expect("no thread has failed");
                seen.iter()
                    .rev()
                    .find(|seen| seen.tenant == tenant)
                    .is_some_and(|seen| seen.version == Version::Echo)
            };
            while !TENANTS.iter().all(|tenant| is_last(tenant)) {
                assert!(Instant::now() < until, "an old version is served still");
                thread::yield_now();
            }
        }
    });
    for (stage, seen) in [&one, &eight].into_iter().zip(seen) {
        let seen = seen.into_inner().expect("no thread has failed");
        let wrong: Vec<&Seen> = seen.iter().filter(|seen| !is_right(seen, &changes)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\nof {} events; {changes:#?}", seen.len());
        for version in [Version::Echo, Version::Context, Version::Gone] {
            assert!(seen.iter().any(|seen| seen.version == version), "{version:?} was never served");
        }
        assert_eq!(stage.receipts().len(), seen.len(), "each event has one receipt");
        assert_eq!(stage.api.violations(), [] as [String; 0]);
    }
}

/// Tells the threads to stop, even if the test fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_event_is_lost_wrong_or_late_while_tenants_change_in_a_directory() {
    changes_under_load(&Store::new(""));
}

#[test]
fn no_event_is_lost_wrong_or_late_while_tenants_change_in_a_bucket() {
    let Some(world) = World::new() else { return };
    // moto answers 500 now and then, if an object is replaced while it is read.
    changes_under_load(&world.store());
}
