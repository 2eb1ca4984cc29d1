//! Components that take as much as they get of what sandboxes share, beside a handler that means no harm: whatever they do,
//! that one is answered.

use bulkhead_tests::{Answer, Bootstrap, Event, Kind, RuntimeApi, TaskRoot};

use crate::hostile::{answer_of_alice, hostile, neighbour};
use crate::stage::{Stage, assert_error};

/// How often each of the two has as many events as are handled at a time.
const ROUNDS: usize = 6;
const MIB: u64 = 1024 * 1024;

/// The handler of mallory is this file; that of alice means no harm. `handler` is the rest of mallory's table.
fn stage(slots: usize, file: &str, handler: &str, change: impl FnOnce(Bootstrap) -> Bootstrap) -> Stage {
    let toml = format!(
        "[routing]\ninvalid_handler = 'fail_events'\n[limits]\nconcurrency = {slots}\n\
         [handlers.hostile]\nsource = 'hostile.wasm'\n{handler}\n\
         [handlers.neighbour]\n[handlers.neighbour.grants]\ntmp = '1MiB'\n\
         [tenants.mallory]\nhandler = 'hostile'\n[tenants.alice]\nhandler = 'neighbour'\n"
    );
    let text = std::fs::read_to_string(hostile(file)).expect("read the text of a guest");
    let root = TaskRoot::new().manifest(&toml).file("neighbour.cwasm", neighbour());
    let root = root.file("hostile.wasm", &crate::wat::component(&text));
    Stage::on(RuntimeApi::concurrent(slots), root, |bootstrap| {
        let several = |bootstrap: Bootstrap| {
            bootstrap
                .env("AWS_LAMBDA_MAX_CONCURRENCY", slots.to_string())
                .env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")
        };
        change(if slots > 1 { several(bootstrap) } else { bootstrap })
    })
}

/// Sends as many events of both as are handled at a time, again and again: all of alice's are answered. Gives mallory's.
fn attack(stage: &mut Stage, slots: usize) -> Vec<Answer> {
    let api = &stage.api;
    let mut answers = Vec::new();
    for _ in 0..ROUNDS {
        let queued: Vec<_> = (0..slots)
            .flat_map(|_| {
                let mallory = api.queue(Event::json("1").tenant("mallory"));
                [(true, mallory), (false, api.queue(Event::json("null").tenant("alice")))]
            })
            .collect();
        for (is_mallory, queued) in queued {
            let answer = api.answer(queued);
            if is_mallory {
                answers.push(answer);
            } else {
                assert_eq!((answer.kind, answer.text()), (Kind::Response, "[1,0,[]]"));
            }
        }
        // And when nobody else has an event, but what mallory left is still there.
        answer_of_alice(api);
    }
    api.wait_idle();
    assert!(stage.running.is_alive(), "another process answered");
    assert_eq!(stage.api.violations(), [] as [String; 0]);
    answers
}

/// It takes more than one sandbox's share, and is refused with the numbers before its first event.
fn refused(file: &str, numbers: &str) {
    for slots in [1, 8] {
        let mut stage = stage(slots, file, "", |bootstrap| bootstrap);
        for answer in attack(&mut stage, slots) {
            assert_error(&answer, "Runtime.InvalidComponent");
            assert!(answer.text().contains(numbers), "{}", answer.text());
            assert!(answer.text().contains("a sandbox has room for 8 memories"), "{}", answer.text());
        }
    }
}

/// It takes no more than its share, and is answered as well.
fn answered(file: &str, handler: &str) {
    for slots in [1, 8] {
        let mut stage = stage(slots, file, handler, |bootstrap| bootstrap);
        for answer in attack(&mut stage, slots) {
            assert_eq!((answer.kind, answer.text()), (Kind::Response, ""));
        }
    }
}

#[test]
fn pool_memories() {
    refused("pool_memories.wat", "16 Wasm linear memories, which exceeds the configured maximum of 8");
}

#[test]
fn pool_single_memories() {
    refused("pool_single_memories.wat", "18 Wasm linear memories, which exceeds the configured maximum of 8");
}

#[test]
fn pool_tables() {
    refused("pool_tables.wat", "180 tables, which exceeds the configured maximum of 32");
}

#[test]
fn pool_instances() {
    answered("pool_instances.wat", "");
}

#[test]
fn pool_granted() {
    answered("pool_granted.wat", "[handlers.hostile.limits]\ninstances = 100");
    refused("pool_granted.wat", "76 core module instances, which exceeds the configured maximum of 40");
}

#[test]
fn pool_written() {
    // What the pool keeps: 2 MiB of each of 16 memories, or 256 KiB of each of 128.
    for slots in [1, 8] {
        let mut stage = stage(slots, "pool_written.wat", "", |bootstrap| bootstrap);
        let before = stage.running.rss();
        for answer in attack(&mut stage, slots) {
            assert_eq!((answer.kind, answer.text()), (Kind::Response, ""));
        }
        let (peak, after) = (stage.running.peak_rss(), stage.running.rss());
        assert!(
            after < before + 64 * MIB,
            "{slots} at a time: {before} before, {peak} at most, {after} after all events"
        );
    }
}

#[test]
fn pool_two_memories() {
    // There is no room for a pool, and no room for the two memories of a sandbox that waits beside one of alice's.
    let reuse = "reuse = { events = 1000 }";
    let mut stage =
        stage(1, "pool_two_memories.wat", reuse, |bootstrap| bootstrap.address_space(12 * 1024 * 1024));
    for answer in attack(&mut stage, 1) {
        assert_eq!((answer.kind, answer.text()), (Kind::Response, ""));
    }
    let log = stage.running.stdout();
    assert!(log.contains("not enough address space for a pool"), "{log}");
    assert!(log.contains("there is no room for a sandbox of the handler neighbour ("), "{log}");
    let holder = r#"the handler hostile for the tenant "mallory": 1 with 2 memories and 0 tables"#;
    let holder_in_json = holder.replace('"', "\\\"");
    assert!(log.contains(holder) || log.contains(&holder_in_json), "{log}");
}

#[test]
fn pool_eight_memories() {
    // Where there is no room at all, that is the host's.
    let mut stage = stage(1, "pool_written.wat", "", |bootstrap| bootstrap.address_space(12 * 1024 * 1024));
    for answer in attack(&mut stage, 1) {
        assert_error(&answer, "Runtime.SandboxUnavailable");
        assert!(answer.text().contains("no room for a sandbox"), "{}", answer.text());
    }
    stage.running.wait_receipts(stage.api.posts().len());
    assert!(stage.receipts().iter().any(|receipt| receipt["outcome"] == "Runtime.SandboxUnavailable"));
}

#[test]
fn pool_on_demand() {
    // Nor has anyone more than one sandbox's share where there is no pool.
    for (file, numbers) in
        [("pool_memories.wat", "16 Wasm linear memories"), ("pool_tables.wat", "180 tables")]
    {
        let mut stage = stage(1, file, "", |bootstrap| bootstrap.address_space(12 * 1024 * 1024));
        for answer in attack(&mut stage, 1) {
            assert_error(&answer, "Runtime.InvalidComponent");
            assert!(answer.text().contains(numbers), "{}", answer.text());
        }
    }
}
