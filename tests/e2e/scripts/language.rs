//! Handlers written in JavaScript, on the engine that ships.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use bulkhead_tests::origin::Origin;
use bulkhead_tests::{Event, TaskRoot, artifacts};
use serde_json::json;

use crate::stage::{Stage, assert_error};

/// The engine as `bulkhead build` compiles it: pre-initialised. `None` if this machine cannot build it.
static ENGINE: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
    let wasm = artifacts::engine()?;
    let folder = tempfile::tempdir().expect("a folder");
    let native = folder.path().join("javascript.cwasm");
    let mut compile = Command::new(artifacts::cli());
    compile.args(["compile", "--preinit"]).arg(wasm).arg("-o").arg(&native);
    let output = compile.output().expect("start the command");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(std::fs::read(native).expect("read the engine"))
});

/// The same, if it is there.
pub(super) fn engine() -> Option<&'static [u8]> {
    ENGINE.as_deref()
}

/// A task root with this `bulkhead.toml` and these files.
pub(super) fn function_root(toml: &str, files: &[(&str, &str)]) -> Option<TaskRoot> {
    let engine = engine()?;
    let root = TaskRoot::new().manifest(toml).file("engines/javascript.cwasm", engine);
    Some(files.iter().fold(root, |root, (path, text)| root.file(path, text.as_bytes())))
}

/// A function with this `bulkhead.toml` and these files.
pub(super) fn function(toml: &str, files: &[(&str, &str)]) -> Option<Stage> {
    Some(Stage::at(function_root(toml, files)?, |bootstrap| bootstrap))
}

/// A function with one script, `index.js`.
fn script(text: &str) -> Option<Stage> {
    function("handlers.notes.source = \"notes/index.js\"", &[("notes/index.js", text)])
}

#[test]
fn a_script_of_one_line_answers_with_what_it_returns() {
    let Some(stage) = script("export default (event) => ({ message: `Hello ${event.name}!` });") else {
        return;
    };
    for name in ["world", "Zoë", "\u{1f30d}"] {
        let answer = stage.send(&json!({ "name": name }).to_string());
        assert_eq!(answer.json(), json!({ "message": format!("Hello {name}!") }));
    }
    let receipts = stage.receipts();
    assert!(receipts.iter().all(|receipt| receipt["outcome"] == "Replied"), "{receipts:?}");
    // A target: 2 MB a sandbox.
    assert!(
        receipts.iter().all(|receipt| receipt["peakMemoryBytes"].as_u64() < Some(2_000_000)),
        "{receipts:?}"
    );
}

#[test]
fn modules_of_both_kinds_and_json_lie_in_the_folder_of_the_script() {
    let files = [
        ("notes/index.mjs", "import { twice } from './lib/twice.js'; import data from './data.json' with { type: 'json' };
            export const handler = async (event) => [twice(event), data.unit, (await import('./old.cjs')).default(1)];"),
        ("notes/lib/twice.js", "export const twice = (n) => 2 * n;"),
        ("notes/old.cjs", "const one = require('./data.json'); module.exports = (n) => n + one.add;"),
        ("notes/data.json", r#"{ "unit": "EUR", "add": 41 }"#),
    ];
    let Some(stage) = function("handlers.notes.source = \"notes/index.mjs\"", &files) else { return };
    assert_eq!(stage.send("21").json(), json!([42, "EUR", 42]));
}

#[test]
fn nothing_is_left_of_an_event() {
    let text = "let events = 0; globalThis.seen ??= [];
        export default (event) => { Object.prototype.polluted = event; seen.push(event); JSON.parse = () => 'forged';
            return [++events, seen.length, {}.polluted === event, Math.random()]; };";
    let Some(stage) = script(text) else { return };
    let mut numbers = Vec::new();
    for event in 1..4 {
        let answer = stage.send(&event.to_string()).json();
        assert_eq!(json!([answer[0], answer[1], answer[2]]), json!([1, 1, true]));
        numbers.push(answer[3].to_string());
    }
    numbers.dedup();
    assert_eq!(numbers.len(), 3, "random numbers differ in each sandbox: {numbers:?}");
}

#[test]
fn an_error_has_its_name_and_its_places() {
    let text = "function deep(event) {\n  throw new RangeError(`no ${event}`);\n}\nexport default async (event) => {\n  await null;\n  deep(event);\n};";
    let Some(stage) = script(text) else { return };
    let answer = stage.error("17", "Function.RangeError");
    let body = answer.json();
    assert_eq!(body["errorMessage"], "no 17");
    let frames = body["stackTrace"].to_string();
    assert!(frames.contains("deep (index.js:2:") && frames.contains("index.js:6:"), "{frames}");
}

#[test]
fn a_script_ends_at_the_limits_of_its_sandbox() {
    let toml =
        "[handlers.notes]\nsource = \"notes/index.js\"\nlimits = { memory = \"8MiB\", cpu_time = \"200ms\" }";
    let text = "export default (how) => ({
        loop() { for (;;); }, regex() { return /^(a+)+$/.test('a'.repeat(40) + 'b'); },
        string() { let s = 'x'; for (;;) s += s; }, array() { const all = []; for (;;) all.push(all.slice()); },
        bigint() { let n = 7n; for (;;) n *= n; }, recurse() { const f = () => f() + 1; return f(); },
        proxy() { const p = new Proxy({}, { get: (t, k, r) => r[k + 'x'] }); return p.x; },
    })[how]();";
    let Some(mut stage) = function(toml, &[("notes/index.js", text)]) else { return };
    for (how, types) in [
        ("loop", &["Function.CpuLimitExceeded"][..]),
        ("regex", &["Function.CpuLimitExceeded"]),
        ("string", &["Function.InternalError"]),
        ("array", &["Function.OutOfMemory", "Function.CpuLimitExceeded"]),
        ("bigint", &["Function.OutOfMemory", "Function.RangeError", "Function.CpuLimitExceeded"]),
        ("recurse", &["Function.RangeError"]),
        (
            "proxy",
            &[
                "Function.RangeError",
                "Function.StackOverflow",
                "Function.OutOfMemory",
                "Function.CpuLimitExceeded",
            ],
        ),
    ] {
        let answer = stage.send(&format!("{how:?}"));
        assert!(types.contains(&answer.error_type()), "{how}: {} {}", answer.error_type(), answer.json());
    }
    assert!(stage.running.is_alive());
}

#[test]
fn console_writes_records_with_levels() {
    let text = "export default (event) => { console.log('a %s', event, { b: [1] }); console.warn('careful'); console.error(new TypeError('bad')); };";
    let Some(stage) = script(text) else { return };
    assert_eq!(stage.send("\"x\"").text(), "null");
    drop(stage.receipts());
    let log = stage.running.stdout();
    let line = |part: &str| {
        log.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {log}")).to_owned()
    };
    assert!(line("a x { b: [ 1 ] }").contains("INFO"), "{log}");
    assert!(line("careful").contains("WARN"), "{log}");
    assert!(line("TypeError: bad").contains("ERROR"), "{log}");
}

#[test]
fn fetch_reaches_what_is_granted_and_nothing_else() {
    let origin = Origin::start();
    let url = format!("http://127.0.0.1:{}", origin.port());
    let grants = "allowed_private_networks = ['127.0.0.0/8']";
    let toml = format!(
        "[handlers.notes]\nsource = \"notes/index.js\"\n[handlers.notes.grants]\nallowed_outbound_hosts = [{url:?}]\n{grants}"
    );
    let text = "export default async (url) => { const r = await fetch(url, { headers: { host: 'evil.example', 'x-own': '1' } }); return r.status; };";
    let Some(stage) = function(&toml, &[("notes/index.js", text)]) else { return };
    assert_eq!(stage.send(&format!("\"{url}/a\"")).text(), "200");
    let head = origin.requests()[0].head.to_ascii_lowercase();
    assert!(head.contains("x-own: 1") && !head.contains("evil"), "{head}");
    let denied = stage.send("\"http://example.com/\"");
    assert_error(&denied, "Function.TypeError");
    assert!(
        denied.json()["errorMessage"].to_string().contains("allowed_outbound_hosts"),
        "{}",
        denied.json()
    );
}

#[test]
fn tenants_have_scripts_of_their_own_on_one_engine() {
    let toml = "[handlers.notes]\nsource = \"notes/index.js\"\n[tenants.acme]\nscript = \"tenants/acme/index.js\"\n[tenants.globex]\nscript = \"tenants/globex/index.js\"";
    let own = |name: &str| {
        format!(
            "export default async () => {{ let other = 'no'; try {{ other = (await import('../{name}/index.js')).own; }} catch (e) {{ other = e.name; }} return [own, other]; }};"
        )
    };
    let acme = format!("export const own = 'acme'; {}", own("globex"));
    let globex = format!("export const own = 'globex'; {}", own("acme"));
    let files = [
        ("notes/index.js", "export default () => 'handler';"),
        ("tenants/acme/index.js", &*acme),
        ("tenants/globex/index.js", &*globex),
    ];
    let Some(stage) = function(toml, &files) else { return };
    for tenant in ["acme", "globex", "acme"] {
        let answer = stage.api.send(Event::json("{}").tenant(tenant));
        assert_eq!(answer.json()[0], tenant);
        assert!(answer.json()[1].to_string().contains("Error"), "{}", answer.json());
    }
}

#[test]
fn the_engine_that_ships_has_the_size_that_is_promised() {
    let Some(wasm) = artifacts::engine() else { return };
    let size = |path: &Path| std::fs::metadata(path).expect("a file").len();
    assert!(size(&wasm) <= 1_500_000, "{} bytes", size(&wasm));
    let native = ENGINE.as_ref().expect("the engine").len();
    assert!(native <= 4_000_000, "{native} bytes of native code");
}
