//! What one event of `hello` may cost, in counts that do not depend on the machine.
//!
//! If a change lowers a count, lower its budget in [`BUDGETS`] to the new count and a margin of about 5 %:
//! `cargo xtask test --only e2e --filter budgets` prints the counts. If a change raises a count above its
//! budget, find out why first: `cargo xtask bench --counts` shows the names of the system calls, beside those
//! of `lambda_runtime`.

use std::io::Write as _;

use bulkhead_tests::{Bootstrap, Counts, TaskRoot};

/// The most that an event may take of everything.
struct Budget {
    /// Events at a time.
    at_once: usize,
    /// How often memory is allocated, or its size changed.
    allocations: f64,
    /// By all threads. The number for several events varies, because threads wake each other by chance.
    system_calls: f64,
    /// Set or copied in blocks of 4 KiB or more. Most of them are reset for the next event.
    bytes: f64,
}

const BUDGETS: [Budget; 2] = [
    // Counted: 60.0, 11.1 to 11.3, and 217,088.
    Budget { at_once: 1, allocations: 63.0, system_calls: 12.0, bytes: 228_000.0 },
    // Counted: 59.4, 6.8 to 7.2, and 217,088 to 218,248.
    Budget { at_once: 8, allocations: 63.0, system_calls: 8.5, bytes: 230_000.0 },
];

#[test]
fn an_event_stays_within_its_budget() {
    let root = TaskRoot::new().with_compiled("hello");
    let bootstrap = Bootstrap::lean().task_root(root.path());
    for budget in &BUDGETS {
        let Some(counts) = Counts::of(&bootstrap, budget.at_once) else { return };
        let system_calls = counts.all_system_calls();
        let at_once = budget.at_once;
        let printed = format!(
            "{at_once} at once: {:.1} allocations, {system_calls:.1} system calls ({}), {:.0} bytes reset or copied\n",
            counts.allocations,
            counts.frequent_system_calls(),
            counts.bytes
        );
        // Not captured, so that it can be read where the test passes.
        drop(std::io::stderr().write_all(printed.as_bytes()));
        for (what, counted, most) in [
            ("allocations", counts.allocations, budget.allocations),
            ("system calls", system_calls, budget.system_calls),
            ("bytes", counts.bytes, budget.bytes),
        ] {
            assert!(counted > 0.0, "{at_once} at once: no {what} were counted");
            assert!(counted <= most, "{at_once} at once: {counted:.1} {what}, more than {most}: {printed}");
        }
    }
}
