//! Guests that attack, each in a file of its own: what becomes of them, and of their neighbours.
//!
//! Two tenants share a process. The events of `alice`, whose handler means no harm, come before, between and after those
//! of `mallory`, whose handler is the one under test. The tests are in `hostile/`, one for each file; SPECIFICATION.md
//! has the table of them.
//!
//! May use: project, stage, wat.

mod accounting;
mod after;
mod code;
mod component;
mod event;
mod host;
mod http;
mod pool;
mod server;
mod world;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use bulkhead_tests::{Answer, Event, Kind, RuntimeApi, TaskRoot};
use serde_json::Value;

use self::accounting::Usage;
use crate::stage::{Stage, assert_error};
use crate::wat::hostile;

/// What the host may take in all. A Lambda function with as much memory would have killed it beyond.
const RSS: u64 = 512 * 1024 * 1024;
/// What time limits may be overrun by, in milliseconds: machines that run tests are busy.
const SLACK: f64 = 1500.0;
/// What the neighbour answers.
pub(crate) const ALICE: &str = "[1,0,[]]";

/// A handler that attacks, with its events and with what it may use and reach.
pub(crate) struct Attack {
    component: Vec<u8>,
    /// The ending of its file: `wasm` or `cwasm`.
    ending: &'static str,
    events: Vec<Vec<u8>>,
    limits: Vec<(&'static str, &'static str)>,
    grants: String,
    json_log: bool,
}

/// What is left to be looked at, once mallory and alice have had their turns.
pub(crate) struct AttackResults {
    pub(crate) stage: Stage,
    /// Mallory's.
    pub(crate) answers: Vec<Answer>,
    /// Mallory's.
    pub(crate) receipts: Vec<Value>,
}

/// The attack of a guest.
pub(crate) fn guest(name: &str) -> Attack {
    let path = bulkhead_tests::artifacts::component(name);
    bytes(std::fs::read(path).expect("read the component"), "wasm")
}

/// The attack of a file in `tests/hostile`: text of a module or component.
pub(crate) fn wat(file: &str) -> Attack {
    let text = std::fs::read_to_string(hostile(file)).expect("read the text of a guest");
    bytes(crate::wat::component(&text), "wasm")
}

/// The attack of any bytes.
pub(crate) fn bytes(component: Vec<u8>, ending: &'static str) -> Attack {
    // Tight, so that a test is soon over; but a guest that computes must use up its time also where it has to share the
    // processor.
    let limits = vec![("cpu_time", "100ms"), ("wall_time", "4000ms"), ("memory", "16MiB")];
    let events = vec![b"1".to_vec()];
    Attack { component, ending, events, limits, grants: String::new(), json_log: false }
}

impl Attack {
    /// With this event in place of `1`, or one of these after the other. `{api}` stands for the port of the Runtime API.
    pub(crate) fn events(mut self, events: &[impl AsRef<[u8]>]) -> Self {
        self.events = events.iter().map(|event| event.as_ref().to_owned()).collect();
        self
    }

    /// With this limit.
    pub(crate) fn limit(mut self, key: &'static str, value: &'static str) -> Self {
        self.limits.retain(|(known, _)| *known != key);
        self.limits.push((key, value));
        self
    }

    /// With these lines of `[handlers.hostile.grants]`.
    pub(crate) fn grants(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.grants);
        self
    }

    /// With the log as JSON.
    pub(crate) fn json_log(mut self) -> Self {
        self.json_log = true;
        self
    }

    /// Every event fails with this error, at no limit.
    pub(crate) fn fails(self, error_type: &str) -> AttackResults {
        let results = self.run();
        results.each(|answer, receipt| {
            assert_error(answer, error_type);
            assert_eq!((&receipt["outcome"], &receipt["limit"]), (&error_type.into(), &Value::Null));
        });
        results
    }

    /// Every event fails with this error, at this limit.
    pub(crate) fn hits(self, error_type: &str, limit: &str) -> AttackResults {
        let results = self.run();
        results.each(|answer, receipt| {
            assert_error(answer, error_type);
            assert_eq!((&receipt["outcome"], &receipt["limit"]), (&error_type.into(), &limit.into()));
        });
        results
    }

    /// Every event is answered with these bytes: what was tried came to nothing.
    pub(crate) fn replies(self, expected: impl AsRef<[u8]>) -> AttackResults {
        let results = self.run();
        results.each(|answer, _| {
            assert_eq!(answer.kind, Kind::Response, "{answer:?}");
            assert_eq!(answer.body.escape_ascii().to_string(), expected.as_ref().escape_ascii().to_string());
        });
        results
    }

    /// Lets both have their turns, and holds the host to what it owes everybody.
    pub(crate) fn run(self) -> AttackResults {
        accounting::at_once(&self);
        let stage = self.stage_of(1);
        let limits = self.limits;
        let api = &stage.api;
        answer_of_alice(api);
        let before = Usage::of(&stage);
        let mut answers = Vec::new();
        for event in self.events.iter().cycle().take(self.events.len().max(2)) {
            answers.push(api.send(Event::bytes(with_port(event, api)).tenant("mallory")));
            answer_of_alice(api);
        }
        before.assert_charged(&stage);
        let results = AttackResults::of(stage, answers);
        results.each(|_, receipt| assert_within(receipt, &limits));
        results
    }

    /// Its events.
    pub(crate) fn sent(&self) -> &[Vec<u8>] {
        &self.events
    }

    /// A bootstrap with both tenants that handles so many events at a time.
    pub(crate) fn stage_of(&self, at_once: usize) -> Stage {
        let limits: String = self.limits.iter().map(|(key, value)| line(key, value)).collect();
        let toml = format!(
            "[routing]\ninvalid_handler = \"fail_events\"\n\
             [handlers.hostile]\nsource = \"hostile.wasm\"\n\
             [handlers.hostile.limits]\n{limits}[handlers.hostile.grants]\n{}\n\
             [handlers.neighbour]\nsource = \"neighbour.wasm\"\n[handlers.neighbour.grants]\ntmp = \"1MiB\"\n\
             [tenants.mallory]\nhandler = \"hostile\"\n[tenants.alice]\nhandler = \"neighbour\"\n",
            self.grants
        );
        let root = TaskRoot::new().manifest(&toml).file("neighbour.cwasm", neighbour());
        let root = root.file("assets/asset", b"").file(&format!("hostile.{}", self.ending), &self.component);
        std::os::unix::fs::symlink("/etc", root.path().join("assets/link")).expect("make a link");
        if at_once > 1 {
            return Stage::managed(at_once, root, "");
        }
        let format = if self.json_log { "JSON" } else { "Text" };
        Stage::at(root, |bootstrap| bootstrap.env("AWS_LAMBDA_LOG_FORMAT", format))
    }
}

pub(crate) fn with_port(event: &[u8], api: &RuntimeApi) -> Vec<u8> {
    let port = api.address().rsplit(':').next().map(str::to_owned).expect("a port");
    std::str::from_utf8(event)
        .map_or_else(|_| event.to_owned(), |text| text.replace("{api}", &port).into_bytes())
}

fn line(key: &str, value: &str) -> String {
    if value.parse::<u64>().is_ok() { format!("{key} = {value}\n") } else { format!("{key} = {value:?}\n") }
}

/// The neighbour's component, compiled once for all tests.
pub(crate) fn neighbour() -> &'static [u8] {
    static COMPILED: OnceLock<Vec<u8>> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let root = TaskRoot::new().with_compiled("neighbour");
        std::fs::read(root.path().join("neighbour.cwasm")).expect("read what was compiled")
    })
}

/// The neighbour answers as it always does: from a fresh instance, in which nobody left anything.
pub(crate) fn answer_of_alice(api: &RuntimeApi) {
    let answer = api.send(Event::json("null").tenant("alice"));
    assert_eq!((answer.kind, answer.text()), (Kind::Response, ALICE));
}

/// What an event used lies within its limits.
fn assert_within(receipt: &Value, limits: &[(&str, &str)]) {
    let most = |key: &str| {
        let value = limits.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
        let number = value.map(|value| value.trim_end_matches(char::is_alphabetic));
        number.and_then(|number| number.parse::<f64>().ok())
    };
    let used = |key: &str| receipt[key].as_f64().unwrap_or_else(|| panic!("no {key} in {receipt}"));
    let milliseconds = [("cpu_time", "cpuMs"), ("wall_time", "wallMs")];
    for (limit, used_as) in milliseconds {
        assert!(most(limit).is_none_or(|most| used(used_as) < most + SLACK), "{used_as}: {receipt}");
    }
    let mebibytes = used("peakMemoryBytes") / 1024.0 / 1024.0;
    assert!(most("memory").is_none_or(|most| mebibytes <= most), "peakMemoryBytes: {receipt}");
    assert!(used("logBytes") <= 64.0 * 1024.0, "logBytes: {receipt}");
}

impl AttackResults {
    fn of(mut stage: Stage, answers: Vec<Answer>) -> Self {
        let posts = stage.api.posts();
        assert_eq!(posts.len(), 2 * answers.len() + 1, "one answer for each event: {posts:?}");
        assert_eq!(stage.api.violations(), [] as [String; 0]);
        assert!(stage.running.is_alive(), "another process answered");
        assert_eq!(stage.api.connections(), 1, "somebody else spoke to the Runtime API");
        let peak = stage.running.peak_rss();
        assert!(peak < RSS, "the host took {peak} bytes");
        assert_eq!(stage.running.stderr(), "");
        let receipts = stage.receipts();
        let whose: Vec<_> = receipts.iter().map(|receipt| receipt["tenantId"].as_str()).collect();
        let turns = (0..posts.len()).map(|turn| Some(if turn % 2 == 0 { "alice" } else { "mallory" }));
        assert_eq!(whose, turns.collect::<Vec<_>>(), "one receipt for each event");
        let receipts = receipts.into_iter().skip(1).step_by(2).collect();
        let results = Self { stage, answers, receipts };
        results.records().iter().for_each(|record| assert_is_record(record));
        results
    }

    /// Looks at each of mallory's answers and its receipt.
    pub(crate) fn each(&self, look: impl Fn(&Answer, &Value)) {
        self.answers.iter().zip(&self.receipts).for_each(|(answer, receipt)| look(answer, receipt));
    }

    /// The lines of the log that are no receipts.
    pub(crate) fn records(&self) -> Vec<String> {
        self.stage.running.stdout().split_terminator('\n').map(str::to_owned).collect()
    }
}

/// A record that the host wrote: it begins with the time, steers no terminal, and names nobody but mallory.
fn assert_is_record(line: &str) {
    let time = line.strip_prefix(r#"{"timestamp":""#).unwrap_or(line);
    assert!(time.starts_with("20") && time.as_bytes().get(23) == Some(&b'Z'), "no record: {line:?}");
    let steers = |c: char| c.is_control() && c != '\t' && c != '\r' || matches!(c, '\u{2028}' | '\u{2029}');
    assert!(!line.contains(steers), "it steers a terminal: {line:?}");
    match serde_json::from_str::<Value>(line) {
        Ok(record) => assert!(matches!(record["tenantId"].as_str(), None | Some("mallory")), "{line:?}"),
        Err(_) => {
            let whose: Vec<_> = line.split('\t').skip(1).take(3).collect();
            assert!(whose.last() == Some(&"tenantId=mallory") || whose.first() == Some(&"-"), "{line:?}");
        }
    }
}

/// The rows of the table in SPECIFICATION.md: file, what it does, how it ends, test.
fn rows() -> Vec<Vec<&'static str>> {
    let specification = include_str!("../../SPECIFICATION.md");
    let table = specification.split("\n## Guests that attack\n").nth(1).expect("the table");
    let table = table.split("\n## ").next().expect("its end");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect())
        .collect()
}

#[test]
fn every_hostile_file_is_in_the_table_and_every_row_has_its_file() {
    let rows = rows();
    assert!(rows.len() >= 40, "only {} rows", rows.len());
    let rows: BTreeSet<_> = rows.iter().map(|row| row[0].to_owned()).collect();
    let files = std::fs::read_dir(hostile("")).expect("list the hostile files");
    for file in files {
        let name = file.expect("a file").file_name().into_string().expect("a name in UTF-8");
        assert!(rows.contains(&name), "{name} is not in the table of SPECIFICATION.md");
    }
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/src/bin");
    for file in rows {
        assert!(hostile(&file).is_file() || guests.join(&file).is_file(), "there is no {file}");
    }
}

#[test]
fn every_row_names_the_test_of_its_file() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e");
    for row in rows() {
        let &[file, _, _, test] = row.as_slice() else { panic!("{row:?} has not four cells") };
        let (module, test) = test.rsplit_once("::").expect("a module and a test");
        let source = std::fs::read_to_string(directory.join(format!("{}.rs", module.replace("::", "/"))))
            .expect("its source");
        let body = source.split(&format!("fn {test}()")).nth(1).unwrap_or_else(|| panic!("no test {test}"));
        let body = body.split("\n}\n").next().expect("its end");
        let name = file.strip_suffix(".rs").unwrap_or(file);
        assert!(body.contains(&format!("\"{name}\"")), "{test} does not run {file}");
    }
}
