//! The program of `cargo xtask demo`: sends one event through the real bootstrap, and shows where the time went. The paths of
//! the programs are in the environment, as for the end-to-end tests.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

mod tenants;

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bulkhead_tests::{Answer, Bootstrap, Event, Kind, Running, RuntimeApi, artifacts};
use clap::Parser;

/// Show how Bulkhead handles events.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many more events to send, each to a sandbox of its own
    #[arg(long, default_value_t = 1000)]
    events: usize,
    /// Show two tenants in one function instead, one of them hostile (examples/tenants)
    #[arg(long, conflicts_with = "events")]
    tenants: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.tenants {
        true => tenants::show(),
        false => hello(arguments.events),
    }
}

/// The event on display.
const EVENT: &str = r#"{"name":"world"}"#;
/// An event without the field that the handler needs.
const BAD_EVENT: &str = r#"{"nome":"world"}"#;
/// Compiling `hello.wasm` takes a fraction of a second even on a slow machine.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// Sends one event, one that the handler rejects, and then as many as requested.
fn hello(events: usize) -> Result<()> {
    let (bootstrap, guests) = (artifacts::bootstrap(), artifacts::guests());
    let api = RuntimeApi::start();
    println!(
        "\nA Runtime API server listens on {}; this is the bootstrap, as Lambda starts it:",
        api.address()
    );
    println!(
        "  AWS_LAMBDA_RUNTIME_API={} _HANDLER=hello LAMBDA_TASK_ROOT={} \\",
        api.address(),
        guests.display()
    );
    println!("  {}", bootstrap.display());
    let mut process = Bootstrap::at(bootstrap).task_root(&guests).handler("hello").api(&api).spawn();
    let init = wait_for_init(&api, &mut process)?;

    let first = api.send(Event::json(EVENT));
    println!("\nevent   {EVENT}\nanswer  {}", first.text());
    ensure!(first.kind == Kind::Response, "that was an error; the log:\n{}", process.logs());

    let refused = api.send(Event::json(BAD_EVENT));
    println!("\nAn event that the handler cannot read fails, and nothing else does:");
    println!("event   {BAD_EVENT}\nerror   {}", refused.text());
    println!("\nlog");
    process.logs().lines().for_each(|line| println!("  {line}"));

    let mut latencies: Vec<Duration> = (0..events).map(|_| next_event(&api)).collect();
    latencies.sort_unstable();
    print_times(init, latency(&first), &latencies);
    Ok(())
}

/// The time from the start of the process to its first request for an event.
fn wait_for_init(api: &RuntimeApi, process: &mut Running) -> Result<Duration> {
    let until = Instant::now() + WAIT_LIMIT;
    loop {
        if let Some(next) = api.seen().into_iter().find(|seen| seen.is_next()) {
            return Ok(next.at - process.started());
        }
        if !process.is_alive() {
            bail!(
                "the bootstrap has ended with exit code {}; its log:\n{}",
                process.exit_code(),
                process.logs()
            );
        }
        ensure!(
            Instant::now() < until,
            "the bootstrap does not ask for an event; its log:\n{}",
            process.logs()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends one more event when the bootstrap waits for it. This thread sleeps while the event is in flight.
fn next_event(api: &RuntimeApi) -> Duration {
    api.wait_idle();
    let queued = api.queue(Event::json(EVENT));
    std::thread::sleep(Duration::from_millis(1));
    latency(&api.answer(queued))
}

/// The time from the event's last byte written to the answer's last byte read.
fn latency(answer: &Answer) -> Duration {
    answer.answered - answer.delivered
}

fn print_times(init: Duration, first: Duration, sorted: &[Duration]) {
    let mut rows = vec![
        ("start of the process to the first /next, hello.wasm compiled".to_owned(), init),
        ("first event, round trip".to_owned(), first),
    ];
    if let (Some(median), Some(p99)) = (sorted.get(sorted.len() / 2), sorted.get(sorted.len() * 99 / 100)) {
        let events = format!("{} more events, a fresh sandbox for each: median", sorted.len());
        rows.push((events, *median));
        rows.push(("  p99 of these".to_owned(), *p99));
    }
    println!("\n  where the time went");
    for (what, took) in rows {
        println!("  {what:<60}  {:>7}", shown(took));
    }
}

fn shown(duration: Duration) -> String {
    if duration < Duration::from_millis(10) {
        return format!("{} µs", duration.as_micros());
    }
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
