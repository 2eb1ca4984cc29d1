//! The examples in JavaScript, Python, Go and C: what their authors wrote for Lambda, or for no platform at all, from a
//! `.cwasm`. Skipped with a warning if the toolchain of a language is missing; in CI that is an error.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bulkhead_tests::origin::Origin;
use bulkhead_tests::{Event, Kind, TaskRoot, artifacts};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_error};

/// One of the examples.
struct Language {
    name: &'static str,
    /// Whether it is a program for stdin and stdout.
    is_command: bool,
    /// What it answers to the world.
    message: &'static str,
    /// What its own way to fail is called.
    error_type: &'static str,
    /// The end of what it says then.
    error_message: &'static str,
    /// Made once for all tests: an interpreter takes a quarter of a minute.
    compiled: OnceLock<PathBuf>,
}

static JAVASCRIPT: Language = Language::handler("javascript", "RangeError");
static PYTHON: Language = Language::handler("python", "ValueError");
static GO: Language = Language::program("go", "Hello world!", "too far");
static C: Language = Language::program("c", "Hello 16 bytes!", "the event asks for it");

impl Language {
    const fn handler(name: &'static str, error_type: &'static str) -> Self {
        let (message, error_message) = ("Hello world!", "too far");
        Self { name, is_command: false, message, error_type, error_message, compiled: OnceLock::new() }
    }

    const fn program(name: &'static str, message: &'static str, error_message: &'static str) -> Self {
        let error_type = "Function.Exited";
        Self { name, is_command: true, message, error_type, error_message, compiled: OnceLock::new() }
    }

    /// What the platform is told about it.
    fn header(&self) -> String {
        format!("Function.{}", self.error_type.trim_start_matches("Function."))
    }

    /// A bootstrap that runs it, with these lines in its manifest.
    fn stage(&self, toml: &str) -> Option<Stage> {
        self.stage_named(self.name, toml)
    }

    /// The same, and the handler has another name.
    fn stage_named(&self, handler: &str, toml: &str) -> Option<Stage> {
        let component = artifacts::language(self.name)?;
        let compiled = self.compiled.get_or_init(|| self.compile(&component));
        let root = TaskRoot::new().manifest(&format!("[handlers.{handler}]\n{toml}"));
        let place = root.path().join(handler).with_extension("cwasm");
        fs::copy(compiled, place).expect("copy the .cwasm");
        Some(Stage::at(root, |bootstrap| bootstrap))
    }

    /// With `bulkhead compile`, to where cargo has tests leave files. It replaces what an earlier run left.
    fn compile(&self, component: &Path) -> PathBuf {
        let cwasm = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.name).with_extension("cwasm");
        let mut bulkhead = std::process::Command::new(artifacts::cli());
        let output = bulkhead.arg("compile").arg(component).arg("-o").arg(&cwasm).output();
        let output = output.expect("run `bulkhead compile`");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        cwasm
    }
}

/// Does it in each language that was built.
fn in_each(toml: &str, test: impl Fn(&Language, Stage)) {
    for language in [&JAVASCRIPT, &PYTHON, &GO, &C] {
        if let Some(stage) = language.stage(toml) {
            test(language, stage);
        }
    }
}

/// The answer to this event, which must be one.
fn answer(stage: &Stage, event: &str) -> Value {
    let answer = stage.send(event);
    assert_eq!(answer.kind, Kind::Response, "{}", answer.text());
    answer.json()
}

#[test]
fn an_event_has_its_answer_and_none_sees_another_s_state() {
    in_each("", |language, mut stage| {
        let answers = [(); 3].map(|()| answer(&stage, r#"{"name":"world"}"#));
        for answer in &answers {
            let found = (&answer["message"], &answer["events"]);
            assert_eq!(found, (&json!(language.message), &json!(1)), "{answer}");
        }
        // What an interpreter did before its snapshot was taken must not decide what is random after it.
        assert!(answers[0]["random"] != answers[1]["random"], "{answers:?}");
        assert!(stage.running.is_alive());
        assert_eq!(stage.api.violations(), [] as [String; 0]);
    });
}

#[test]
fn what_the_handler_throws_is_the_error_of_the_event() {
    in_each("", |language, stage| {
        let failed = stage.error(r#"{"fail":"too far"}"#, &language.header());
        let body = failed.json();
        assert_eq!(body["errorType"], language.error_type);
        let message = body["errorMessage"].as_str().expect("a message");
        assert!(message.ends_with(language.error_message), "{message}");
        let stack = body["stackTrace"][0].to_string();
        let handler = if language.name == "python" { "lambda_function.py" } else { "index.js" };
        assert!(language.is_command || stack.contains(handler), "{stack}");
        answer(&stage, r#"{"name":"world"}"#);
    });
}

#[test]
fn what_it_prints_is_in_the_log_with_the_event_s_id() {
    in_each("", |language, stage| {
        stage.api.send(Event::json(r#"{"name":"world"}"#).request_id("the-id"));
        let log = stage.running.stdout();
        let line = log.lines().find(|line| line.ends_with("request the-id"));
        assert!(line.is_some_and(|line| line.contains("\tthe-id\t")), "{}: {log}", language.name);
    });
}

#[test]
fn an_endless_loop_costs_one_event() {
    for (limit, error_type) in
        [("cpu_time = '400ms'", "Function.CpuLimitExceeded"), ("wall_time = '500ms'", "Function.Timeout")]
    {
        in_each(&format!("limits.{limit}"), |_, mut stage| {
            stage.error(r#"{"loop":true}"#, error_type);
            answer(&stage, r#"{"name":"world"}"#);
            assert!(stage.running.is_alive());
        });
    }
}

#[test]
fn an_event_that_is_no_json_is_the_handler_s_error() {
    for (language, error_type) in [
        (&JAVASCRIPT, "Function.SyntaxError"),
        (&PYTHON, "Function.JSONDecodeError"),
        (&GO, "Function.Exited"),
    ] {
        if let Some(stage) = language.stage("") {
            stage.error("{nothing", error_type);
        }
    }
}

/// Lengths of events, in bytes.
const LENGTHS: [usize; 5] = [1, 100 << 10, 129 << 10, 1 << 20, 5 << 20];

/// What a program has to say to an event that is so long, which has all of it in it, and what it says.
fn long(language: &Language, stage: &Stage, length: usize) -> (String, String) {
    let name = "0123456789abcdef".repeat(length / 16 + 1);
    if language.name == "c" {
        let event = format!(r#"{{"echo":"{name}"}}"#);
        let answer = stage.send(&event).text().to_owned();
        return (event, answer);
    }
    let answer = answer(stage, &json!({ "name": name }).to_string());
    (format!("Hello {name}!"), answer["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_program_answers_events_of_all_lengths_whatever_its_name_and_its_variables() {
    let variables: Vec<String> = (0..100).map(|number| format!("VARIABLE_{number} = 'some value'")).collect();
    let toml = format!("limits.memory = '256MiB'\ngrants.environment = {{ {} }}", variables.join(", "));
    for language in [&C, &GO] {
        for letters in 1..=64 {
            let toml = if letters % 2 == 0 { &toml } else { "limits.memory = '256MiB'" };
            let Some(stage) = language.stage_named(&"n".repeat(letters), toml) else { break };
            // All of the lengths with some of the names, and two with each.
            for length in
                LENGTHS.into_iter().filter(|length| letters % 16 == 1 || (2..1 << 18).contains(length))
            {
                let (expected, found) = long(language, &stage, length);
                assert!(expected == found, "{}: {length} bytes, {letters} letters", language.name);
            }
        }
    }
}

#[test]
fn a_program_has_as_much_memory_as_its_limit_says() {
    for (language, limit) in [(&C, "6MiB"), (&GO, "24MiB")] {
        let Some(stage) = language.stage(&format!("limits.memory = '{limit}'")) else { continue };
        answer(&stage, r#"{"name":"world"}"#);
        let event = json!({ "echo": 1, "name": "x".repeat(5_500_000) }).to_string();
        // It says so to stderr in its own words, and exits.
        stage.error(&event, "Function.OutOfMemory");
        let receipt = stage.receipts().pop().expect("a receipt");
        assert_eq!(receipt["limit"], "memory", "{receipt}");
        answer(&stage, r#"{"name":"world"}"#);
    }
}

#[test]
fn fetch_reaches_what_was_granted_and_nothing_else() {
    let origin = Origin::start();
    let url = format!("http://127.0.0.1:{}", origin.port());
    let grants = format!(
        "grants.allowed_outbound_hosts = ['{url}']\ngrants.allowed_private_networks = ['127.0.0.0/8']"
    );
    let event = json!({ "url": format!("{url}/one") }).to_string();
    if let Some(stage) = JAVASCRIPT.stage(&grants) {
        assert_eq!(answer(&stage, &event), json!({ "status": 200 }));
    }
    if let Some(stage) = JAVASCRIPT.stage("") {
        let failed = stage.send(&event);
        assert_error(&failed, "Function.TypeError");
        assert!(stage.running.stdout().contains("to allow it, add"), "{}", stage.running.stdout());
    }
    assert_eq!(origin.requests().len(), 1);
}
