//! Scripts on an engine whose bytecode of a file is the file itself.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise, also in its helpers")]

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::*;
use crate::capabilities::files::Granted;
use crate::capabilities::key_value::Stores;
use crate::capabilities::outbound::Clients;
use crate::dispatch::scripts::Scripts;
use crate::dispatch::stored::Waiting;
use crate::engine::meter::Meter;
use crate::engine::watchdog::TimeSlice;
use crate::log::{Format, Level, Log, LogSettings};
use crate::runtime_api::shutdown::Stop;
use crate::sandbox::FunctionSettings;
use crate::sandbox::component;
use crate::script::{File, SMALLEST};

/// The first byte of a file says what the engine does with it: `!` is a mistake, `T` a trap, `L` an endless loop, `E` no bytecode, `B`
/// more bytecode than there may be, and `M` more memory than there may be.
const ENGINE: &str = r#"(module
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 4096))
    (data (i32.const 1024) "odd")
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $free))
        (global.set $free (i32.add (global.get $free) (local.get 3)))
        (local.get $at))
    (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) i32.const 12)
    (func (export "bulkhead:lambda/script-compiler@0.1.0#compile") (param i32 i32 i32 i32) (result i32)
        (local $first i32)
        (local.set $first (i32.load8_u (local.get 2)))
        (i32.store (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (local.get 2))
        (i32.store (i32.const 24) (local.get 3))
        (if (i32.eq (local.get $first) (i32.const 33)) (then
            (i32.store (i32.const 16) (i32.const 1))
            (i32.store (i32.const 20) (i32.const 1024))
            (i32.store (i32.const 24) (i32.const 3))
            (i32.store (i32.const 28) (i32.const 1))
            (i32.store (i32.const 32) (i32.const 1))))
        (if (i32.eq (local.get $first) (i32.const 84)) (then unreachable))
        (if (i32.eq (local.get $first) (i32.const 76)) (then (loop (br 0))))
        (if (i32.eq (local.get $first) (i32.const 69)) (then (i32.store (i32.const 24) (i32.const 0))))
        (if (i32.eq (local.get $first) (i32.const 66)) (then
            (i32.store (i32.const 20) (i32.const 0))
            (i32.store (i32.const 24) (i32.const 131072))))
        (if (i32.eq (local.get $first) (i32.const 77)) (then
            (if (i32.eq (memory.grow (i32.const 4096)) (i32.const -1)) (then unreachable))))
        (i32.const 16)))"#;

struct Stage {
    loaded: Loaded,
    sandboxes: Sandboxes,
    watchdog: Watchdog,
    policy: Policy,
}

impl Stage {
    fn new() -> Self {
        let mut wasm = wat::parse_str(ENGINE).unwrap();
        let mut resolve = Resolve::default();
        resolve.push_path("wit").unwrap();
        let world = "package a:b; world w { export bulkhead:lambda/handler@0.1.0; \
                     export bulkhead:lambda/script-compiler@0.1.0; }";
        let package = resolve.push_str("world.wit", world).unwrap();
        let world = resolve.select_world(&[package], Some("w")).unwrap();
        embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).unwrap();
        let wasm = ComponentEncoder::default().module(&wasm).unwrap().encode().unwrap();
        let (engine, _) = crate::engine::start(1).unwrap();
        let imports = crate::capabilities::imports(&engine).unwrap();
        let file = tempfile::NamedTempFile::with_suffix(".wasm").unwrap();
        std::fs::write(file.path(), wasm).unwrap();
        let loaded = component::compile(&engine, &imports, file.path()).unwrap();
        let watchdog = Watchdog::start(&engine, TimeSlice::ALONE).unwrap();
        Self { loaded, sandboxes: sandboxes(), watchdog, policy: Policy::default_for("notes") }
    }

    fn compiler(&self, time: Duration) -> Compiler {
        let ends = Instant::now() + time;
        Compiler::of(&self.loaded, &self.policy, &self.sandboxes, &self.watchdog, ends).unwrap()
    }

    /// The paths of the files that have bytecode in a script that has an entry and these files.
    fn compiled(&self, files: &[(&str, &str)]) -> Vec<String> {
        let imports: String = files.iter().map(|(path, _)| format!("'./{path}'")).collect();
        let entry = ("index.js", imports);
        let files = files.iter().map(|(path, text)| (*path, (*text).to_owned())).chain([entry]);
        let file = |(path, text): (&str, String)| File {
            path: path.into(),
            content: (text + &" ".repeat(SMALLEST)).into_bytes().into(),
        };
        let script = Script::new(Path::new("notes/index.js").into(), "index.js", files.map(file).collect());
        let script = self.compiler(Duration::from_secs(60)).compile(script.unwrap());
        for file in script.files() {
            let same = script.bytecode(&file.path).is_none_or(|bytecode| *bytecode == file.content);
            assert!(same, "{}", file.path);
        }
        let has_bytecode = |file: &&File| script.bytecode(&file.path).is_some();
        script.files().iter().filter(has_bytecode).map(|file| file.path.to_string()).collect()
    }
}

fn sandboxes() -> Sandboxes {
    let settings =
        LogSettings { format: Format::Text, level: Level::Fatal, telemetry_fd: None, batches: false };
    let log = Arc::new(Log::new(&settings));
    let text = || "tested".to_owned();
    Sandboxes {
        function: FunctionSettings {
            name: text(),
            version: text(),
            log_group: text(),
            log_stream: text(),
            memory_mb: 128,
        },
        directories: Granted::open(Path::new("."), std::iter::empty()).unwrap(),
        clients: Clients::new(Arc::clone(&log), "127.0.0.1:9001", &[]).unwrap(),
        stores: Arc::new(Stores::none(Arc::clone(&log))),
        pool_usage: Arc::default(),
        log,
    }
}

#[test]
fn files_that_can_be_compiled_have_bytecode_and_others_have_none() {
    let files = [("a.js", "a"), ("bad.js", "!"), ("none.mjs", "E"), ("data.json", "{}"), ("b.js", "b")];
    assert_eq!(Stage::new().compiled(&files), ["a.js", "b.js", "index.js"]);
}

#[test]
fn what_ends_the_compiler_leaves_what_was_compiled_before() {
    let stage = Stage::new();
    for ending in ["T", "M"] {
        let files = [("a.js", "a"), ("b.js", ending), ("c.js", "c")];
        assert_eq!(stage.compiled(&files), ["a.js", "index.js"], "{ending}");
    }
    // The next script is not concerned.
    assert_eq!(stage.compiled(&[("a.js", "a")]), ["a.js", "index.js"]);
}

#[test]
fn a_compiler_that_does_not_return_is_stopped() {
    let mut stage = Stage::new();
    let begun = Instant::now();
    assert_eq!(stage.compiled(&[("a.js", "L")]), ["index.js"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    // Nor may it take more than its handler.
    stage.policy.limits.cpu_time = Duration::from_millis(1);
    assert_eq!(stage.compiled(&[("a.js", "L")]), ["index.js"]);
    let late = stage.compiler(Duration::ZERO);
    let file = File { path: "index.js".into(), content: vec![b'L'; SMALLEST].into() };
    let script = Script::new(Path::new("index.js").into(), "index.js", vec![file]).unwrap();
    assert_eq!(late.compile(script).bytecode("index.js"), None);
}

#[test]
fn bytecode_that_is_too_large_is_not_taken() {
    let mut stage = Stage::new();
    stage.policy.limits.hostcall = 100_000;
    assert_eq!(stage.compiled(&[("a.js", "B")]), ["index.js"]);
}

#[tokio::test]
async fn the_first_event_pays_for_it_and_all_others_have_it() {
    let stage = Stage::new();
    let root = tempfile::tempdir().unwrap();
    for (folder, text) in [("slow", "L"), ("acme", "1")] {
        std::fs::create_dir(root.path().join(folder)).unwrap();
        std::fs::write(root.path().join(folder).join("index.js"), text.repeat(SMALLEST)).unwrap();
    }
    let scripts = Scripts::new(root.path().to_owned(), None);
    let meter = Meter::new(Duration::MAX);
    for (place, has_bytecode) in [("slow/index.js", false), ("acme/index.js", true)] {
        let mut stop = Stop::default();
        let waiting = Waiting::new(Instant::now() + Duration::from_secs(30), &meter, &mut stop);
        let compiler = |waiting: &Waiting<'_>| Some(stage.compiler(waiting.until - Instant::now()));
        let place = Path::new(place).into();
        let script = scripts.get(&place, &compiler, waiting).await.unwrap();
        assert_eq!(script.bytecode("index.js").is_some(), has_bytecode, "{place:?}");
        assert!(meter.spent() >= MOST_TIME / 2, "{:?}", meter.spent());
        assert!(Arc::ptr_eq(&script, &scripts.kept(&place).unwrap()), "it is not compiled again");
    }
}
