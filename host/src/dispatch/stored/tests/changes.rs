//! Records that change, go, and come back.

use super::*;

#[test]
fn an_update_takes_over_and_an_old_version_never_comes_back() {
    let stage = Stage::new(NEVER);
    stage.put("acme", 1, |_| ());
    let old = std::fs::read(stage.folder.path().join(Key::record("acme").as_str())).unwrap();
    let first = stage.find("acme").unwrap();
    wait_a_look();
    stage.put("acme", 2, |record| {
        record.handler.as_mut().unwrap().settings.limits.insert("memory".to_owned(), 1 << 20);
    });
    let second = stage.find("acme").unwrap();
    assert_eq!((second.handler, second.policy.limits.memory), (first.handler, 1 << 20));
    wait_a_look();
    stage.write(&Key::record("acme"), &old);
    assert_eq!(stage.invalid("acme"), "its version is 1, and version 2 was seen before");
    wait_a_look();
    stage.put("acme", 3, |record| record.handler = None);
    assert_eq!(stage.find("acme").unwrap_err(), Absence::Unknown);
    for version in [1, 2] {
        wait_a_look();
        stage.put("acme", version, |_| ());
        assert!(stage.invalid("acme").ends_with("version 3 was seen before"));
    }
    wait_a_look();
    stage.put("acme", 4, |_| ());
    assert!(stage.find("acme").is_ok());
}

#[test]
fn two_records_of_one_version_are_a_mistake_or_an_attack() {
    let stage = Stage::new(NEVER);
    stage.put("acme", 2, |_| ());
    assert!(stage.find("acme").is_ok());
    wait_a_look();
    stage.put("acme", 2, |record| "http".clone_into(&mut component(record).kind));
    assert_eq!(stage.invalid("acme"), "another record of its version 2 was seen before");
    wait_a_look();
    stage.put("acme", 3, |_| ());
    assert!(stage.find("acme").is_ok());
}

#[test]
fn a_version_that_has_expired_does_not_give_way_to_an_earlier_one() {
    let stage = Stage::new(NEVER);
    stage.put("acme", 5, |record| record.expires = SystemTime::now());
    assert!(stage.invalid("acme").starts_with("it expired at "));
    wait_a_look();
    stage.put("acme", 4, |_| ());
    assert_eq!(stage.invalid("acme"), "its version is 4, and version 5 was seen before");
}

#[test]
fn a_removal_lasts_even_if_its_record_has_expired() {
    let stage = Stage::new(NEVER);
    stage.put("acme", 5, |record| (record.handler, record.expires) = (None, SystemTime::now()));
    assert_eq!(stage.find("acme").unwrap_err(), Absence::Unknown);
}

#[test]
fn only_a_signed_record_removes_a_tenant() {
    let stage = Stage::new(FOREVER);
    let unavailable = |tenant: &str| match stage.find(tenant) {
        Err(Absence::Unavailable(reason)) => reason.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(unavailable("anyone").starts_with("the store contains no folder \"tenants\"; mount "));
    let stage = Stage::new(NEVER);
    stage.put("globex", 1, |_| ());
    stage.put("acme", 1, |_| ());
    assert!(stage.find("acme").is_ok());
    let path = stage.folder.path().join(Key::record("acme").as_str());
    std::fs::remove_file(&path).unwrap();
    wait_a_look();
    let reason = match stage.find("acme") {
        Err(Absence::Unavailable(reason)) => reason.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, "its record is missing in the store, and nobody has signed its removal");
    assert_eq!(stage.find("stranger").unwrap_err(), Absence::Unknown);
    wait_a_look();
    stage.put("acme", 2, |record| record.handler = None);
    assert_eq!(stage.find("acme").unwrap_err(), Absence::Unknown);
    std::fs::remove_file(&path).unwrap();
    wait_a_look();
    assert_eq!(stage.find("acme").unwrap_err(), Absence::Unknown, "after its removal");
}

#[test]
fn a_tenant_that_comes_back_gets_no_sandbox_of_the_one_before() {
    let stage = Stage::new(NEVER);
    stage.put("acme", 1, |_| ());
    let before = stage.find("acme").unwrap();
    wait_a_look();
    stage.put("acme", 2, |record| record.handler = None);
    assert!(stage.find("acme").is_err());
    wait_a_look();
    stage.put("acme", 3, |_| ());
    let after = stage.find("acme").unwrap();
    assert!(Arc::ptr_eq(&before.policy, &after.policy) || before.policy == after.policy);
    assert_ne!(before.record.generation, after.record.generation);
}

#[test]
fn an_event_that_is_on_its_way_to_code_that_was_replaced_gets_it() {
    let stage = Stage::new(NEVER);
    stage.put("acme", 1, |_| ());
    let before = stage.find("acme").unwrap();
    assert!(stage.component(before.handler).is_ok());
    let unloads = stage.stored.unloads();
    wait_a_look();
    stage.put("acme", 2, |record| record.handler = None);
    assert!(stage.find("acme").is_err());
    assert!(stage.stored.loaded(before.handler).is_none() && stage.stored.unloads() > unloads);
    assert!(stage.component(before.handler).is_ok());
    assert!(stage.stored.loaded(before.handler).is_none(), "it is not kept for a tenant that is gone");
}

#[test]
fn a_receipt_can_tell_that_a_record_is_old_and_the_store_does_not_answer() {
    let stage = Stage::new("refresh = '1ms'\nmax_stale = '1h'");
    stage.put("acme", 1, |_| ());
    assert!(!stage.find("acme").unwrap().record.is_stale);
    let away = stage.folder.path().join("away");
    let tenants = stage.folder.path().join("tenants");
    std::fs::rename(&tenants, &away).unwrap();
    let looks_until = |is_stale: bool| {
        let until = in_half_a_minute();
        while stage.find("acme").unwrap().record.is_stale != is_stale {
            assert!(Instant::now() < until, "it never changed");
            wait_a_look();
        }
    };
    looks_until(true);
    std::fs::rename(&away, &tenants).unwrap();
    looks_until(false);
}

#[test]
fn records_take_no_more_than_their_part_of_the_cache() {
    let stage = Stage::new("refresh = '1h'\ncache = '1MiB'");
    for number in 0..400 {
        let tenant = format!("t{number}");
        stage.put(&tenant, 1, |_| ());
        assert!(stage.find(&tenant).is_ok());
    }
    let [tenants, _, codes, _, policies] = stage.stored.lock().cache.sizes();
    assert!((50..300).contains(&tenants) && codes == 1 && policies == 1, "{tenants} {codes} {policies}");
    assert!(stage.find("t0").is_ok(), "it is fetched again");
}
