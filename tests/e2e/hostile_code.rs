//! Guests that attack by what they compute: loops, memory, traps, and a contract that they break.

use crate::hostile::{guest, wat};

#[test]
fn endless_loop() {
    guest("endless_loop").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn start_loop() {
    wat("start_loop.wat").hits("Function.CpuLimitExceeded", "cpu_time");
}

#[test]
fn scratch_hoard() {
    for (name, n) in [("hoard_methods", "1000"), ("hoard_fields", "3000"), ("hoard_bodies", "1000")] {
        let run = std::panic::catch_unwind(|| {
            let after = guest(name).limit("cpu_time", "1s").limit("wall_time", "5s").events(&[n]).run();
            let a = &after.answers[0];
            let body: String = String::from_utf8_lossy(&a.body).chars().take(150).collect();
            eprintln!(
                "@@ {name}: {} limit={} cpu={} wall={} mem={} rss={} {}",
                a.error_type(),
                after.receipts[0]["limit"],
                after.receipts[0]["cpuMs"],
                after.receipts[0]["wallMs"],
                after.receipts[0]["peakMemoryBytes"],
                after.stage.running.peak_rss() >> 20,
                body
            );
        });
        if let Err(e) = run {
            eprintln!("@@ {name}: PANICKED {:?}", e.downcast_ref::<String>());
        }
    }
}
