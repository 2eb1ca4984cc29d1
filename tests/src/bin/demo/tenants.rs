//! `cargo xtask demo --tenants`: Alice's events, and between them Mallory's attacks.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use bulkhead_tests::{Bootstrap, Event, Kind, RuntimeApi, TaskRoot, artifacts};

const MANIFEST: &str = include_str!("../../../../examples/tenants/bulkhead.toml");
const ALICE: &str = r#"{"customer":"Bob","cents":[1999,6]}"#;
const ATTACKS: [&str; 5] = ["credentials", "runtime-api", "files", "endless-loop", "memory-bomb"];

/// Runs the example.
pub(super) fn show() -> Result<()> {
    let mut root = TaskRoot::new().manifest(MANIFEST);
    for name in ["invoices", "mallory"] {
        let component =
            fs::read(artifacts::component(name)).with_context(|| format!("reading {name}.wasm"))?;
        root = root.file(&format!("{name}.wasm"), &component);
    }
    let api = RuntimeApi::start();
    let mut process = Bootstrap::new().task_root(&root).api(&api).spawn();
    api.wait_idle();

    println!("\nOne function, one process, two tenants:");
    send(&api, "alice", ALICE);
    for attack in ATTACKS {
        send(&api, "mallory", &format!(r#""{attack}""#));
        send(&api, "alice", ALICE);
    }
    println!("\nlog");
    process.stdout().lines().for_each(|line| println!("  {line}"));
    println!("\nreceipt of the endless loop");
    api.wait_idle();
    let receipts = process.receipts();
    let stopped = receipts.iter().find(|receipt| receipt["limit"] == "cpu_time");
    println!("  {}", stopped.context("the endless loop left no receipt")?);
    ensure!(process.is_alive(), "the process has ended");
    Ok(())
}

fn send(api: &RuntimeApi, tenant: &str, event: &str) {
    let answer = api.send(Event::json(event).tenant(tenant));
    let kind = if answer.kind == Kind::Response { "answer" } else { "error " };
    println!("\n{tenant:<7}  event   {event}");
    println!("         {kind}  {}", answer.text());
}
