//! Counts the events that this instance has seen, and ends each as the event says.

#![expect(clippy::exit, clippy::panic, reason = "on purpose")]
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "on purpose")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bulkhead::{Diagnostic, Raw};

static SEEN: AtomicU32 = AtomicU32::new(0);

#[bulkhead::handler]
fn ways(way: String) -> Result<Raw, Diagnostic> {
    let seen = SEEN.fetch_add(1, Ordering::Relaxed) + 1;
    match way.as_str() {
        "fail" => return Err(Diagnostic { error_type: "Asked".into(), error_message: "as asked".into() }),
        "panic" => panic!("as asked"),
        "trap" => std::process::abort(),
        "exit" => std::process::exit(3),
        "sleep" => std::thread::sleep(Duration::from_secs(60)),
        "hoard" => return Ok(Raw(vec![1; 1 << 25])),
        "huge" => return Ok(Raw(vec![b'x'; 6_291_557])),
        "print" => println!("{}", "more than may be logged ".repeat(100)),
        _ => {}
    }
    Ok(Raw(seen.to_string().into()))
}

fn main() {}
