//! Counts what a program does for one event: allocations, system calls, and bytes that it sets or copies in
//! large blocks, such as a memory that is reset for the next event. Unlike times, counts do not depend on the
//! machine, so they can have budgets.
//!
//! Any program that speaks the Runtime API is counted as it ships. A small library (`counts/preload.c`) counts
//! what happens within the process, and `strace` counts the system calls. What is done once does not count:
//! the first events are left out, and system calls are the difference of a long and a short run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::runtime_api::WAIT_LIMIT;
use crate::{Bootstrap, Event, Kind, RuntimeApi, artifacts};

/// Counts of one event, on average.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// How often memory was allocated, or its size changed.
    pub allocations: f64,
    /// The bytes of all blocks of 4 KiB or more that were set or copied.
    pub bytes: f64,
    /// The system calls by name.
    pub system_calls: BTreeMap<String, f64>,
}

/// The events that come before counting.
const WARM_UP: usize = 48;
/// The events that are counted: as many as make what happens by chance small.
const COUNTED: u16 = 400;
/// The name of the variable with the file of the counters.
const FILE: &str = "BULKHEAD_TEST_COUNTERS";
/// The two counters of the library.
const COUNTERS: usize = 2;

impl Counts {
    /// Counts a program with `hello`, with this number of events at a time. `None`, with a warning, if `strace`
    /// is not installed.
    ///
    /// # Panics
    /// If an event fails, or in CI if `strace` is not installed.
    pub fn of(program: &Bootstrap, at_once: usize) -> Option<Self> {
        let missing = "strace is not installed, so the system calls of an event were not counted";
        artifacts::has("strace", missing).then(|| {
            let [allocations, bytes] = within_the_process(program, at_once);
            Self { allocations, bytes, system_calls: system_calls(program, at_once) }
        })
    }

    /// All system calls.
    pub fn all_system_calls(&self) -> f64 {
        self.system_calls.values().sum()
    }

    /// The system calls for people, the most frequent first; those of every twentieth event are left out.
    pub fn frequent_system_calls(&self) -> String {
        let mut calls: Vec<_> = self.system_calls.iter().filter(|(_, number)| **number >= 0.05).collect();
        calls.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let calls = calls.iter().map(|(name, number)| format!("{name} {number:.1}"));
        calls.collect::<Vec<_>>().join(", ")
    }
}

fn within_the_process(program: &Bootstrap, at_once: usize) -> [f64; COUNTERS] {
    let folder = tempfile::tempdir().expect("make a folder");
    let file = folder.path().join("counters");
    fs::write(&file, [0; 8 * COUNTERS]).expect("make a file of counters");
    let program = program.clone().env("LD_PRELOAD", library(&folder)).env(FILE, &file);
    let api = server(at_once);
    let running = concurrent(program, at_once).api(&api).spawn();
    api.wait_idle();
    events(&api, running.pid(), Load { count: WARM_UP, at_once });
    let before = read(&file);
    events(&api, running.pid(), Load { count: COUNTED.into(), at_once });
    let after = read(&file);
    assert!(before[0] > 0, "the library was not loaded: {}", running.logs());
    [0, 1].map(|counter| per_event(after[counter] - before[counter]))
}

/// Compiles the library. Rust's own linker is a C compiler.
fn library(folder: &TempDir) -> PathBuf {
    let (source, library) = (folder.path().join("preload.c"), folder.path().join("preload.so"));
    fs::write(&source, include_str!("counts/preload.c")).expect("write the library's source");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
    let output = cc.output().expect("run cc, which links programs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

fn read(file: &Path) -> [u64; COUNTERS] {
    let bytes = fs::read(file).expect("read the counters");
    let number = |at: usize| u64::from_ne_bytes(bytes[8 * at..8 * at + 8].try_into().expect("eight bytes"));
    [number(0), number(1)]
}

fn system_calls(program: &Bootstrap, at_once: usize) -> BTreeMap<String, f64> {
    let [short, long] =
        [0, COUNTED].map(|counted| traced(program, Load { count: WARM_UP + usize::from(counted), at_once }));
    let names = long.keys().chain(short.keys());
    let of = |run: &BTreeMap<String, u64>, name: &String| run.get(name).copied().unwrap_or_default();
    names.map(|name| (name.clone(), per_event(of(&long, name).saturating_sub(of(&short, name))))).collect()
}

/// The system calls of a whole process.
fn traced(program: &Bootstrap, load: Load) -> BTreeMap<String, u64> {
    let folder = tempfile::tempdir().expect("make a folder");
    let file = folder.path().join("calls");
    let output = file.to_str().expect("a path in UTF-8");
    let strace = ["strace", "-f", "-c", "-U", "calls,name", "-o", output];
    let api = server(load.at_once);
    let mut running = concurrent(program.clone(), load.at_once).through(&strace).api(&api).spawn();
    api.wait_idle();
    let traced = child(running.pid());
    events(&api, traced, load);
    // strace writes what it has counted when the program has ended.
    let pid = i32::try_from(traced).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, Signal::KILL).expect("end the program");
    running.wait_exit(WAIT_LIMIT);
    let text = fs::read_to_string(&file).expect("read what strace has counted");
    let calls: BTreeMap<String, u64> = text.lines().filter_map(call).collect();
    assert!(!calls.is_empty(), "strace has counted nothing: {}", running.logs());
    calls
}

/// A line of the table.
fn call(line: &str) -> Option<(String, u64)> {
    let (number, name) = line.trim().split_once(' ')?;
    let number = number.parse().ok()?;
    (name.trim() != "total").then(|| (name.trim().to_owned(), number))
}

/// The only child of a process.
fn child(pid: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("read /proc");
    children.trim().parse().expect("strace has one child")
}

/// A number of events.
#[derive(Clone, Copy)]
struct Load {
    count: usize,
    at_once: usize,
}

fn server(at_once: usize) -> RuntimeApi {
    if at_once > 1 { RuntimeApi::concurrent(at_once) } else { RuntimeApi::start() }
}

fn concurrent(program: Bootstrap, at_once: usize) -> Bootstrap {
    match at_once {
        ..=1 => program,
        _ => program
            .env("AWS_LAMBDA_MAX_CONCURRENCY", at_once.to_string())
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances"),
    }
}

/// Sends events. If they come one at a time, the program has finished the last one before the next one comes;
/// otherwise there is an event for every call.
fn events(api: &RuntimeApi, pid: u32, load: Load) {
    let event = || Event::json(r#"{"name":"world"}"#);
    match load.at_once {
        ..=1 => (0..load.count).for_each(|_| {
            assert!(api.send(event()).kind == Kind::Response);
            rest(api, pid);
        }),
        _ => {
            let queued: Vec<_> = (0..load.count).map(|_| api.queue(event())).collect();
            queued.into_iter().for_each(|queued| assert!(api.answer(queued).kind == Kind::Response));
            rest(api, pid);
        }
    }
}

/// Waits until the program has done what it does after an answer: all its threads sleep.
fn rest(api: &RuntimeApi, pid: u32) {
    api.wait_idle();
    let until = Instant::now() + WAIT_LIMIT;
    while !sleeps(pid) {
        assert!(Instant::now() < until, "process {pid} has not come to rest in {WAIT_LIMIT:?}");
        std::thread::yield_now();
    }
}

fn sleeps(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("list the threads of a process");
    threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok()).all(|stat| {
        // The state follows the name in brackets.
        stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('S'))
    })
}

/// The counts are small enough that no digit is lost.
fn per_event(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::NAN, f64::from) / f64::from(COUNTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_strace_is_a_number_and_a_name() {
        assert_eq!(call("       34 openat"), Some(("openat".to_owned(), 34)));
        for other in ["    calls syscall", "--------- ----------------", "      144 total", ""] {
            assert_eq!(call(other), None, "{other}");
        }
    }

    #[test]
    fn frequent_system_calls_come_first() {
        let calls = [("read", 2.0), ("write", 3.04), ("mmap", 0.01)];
        let system_calls = calls.map(|(name, number)| (name.to_owned(), number)).into();
        let counts = Counts { system_calls, ..Counts::default() };
        assert_eq!(counts.frequent_system_calls(), "write 3.0, read 2.0");
        assert_eq!(counts.all_system_calls(), 5.05);
    }
}
