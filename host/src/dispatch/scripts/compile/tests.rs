//! Scripts on an engine whose bytecode of a file is the file itself.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise, also in its helpers")]

use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::*;
use crate::capabilities::files::Granted;
use crate::capabilities::key_value::Stores;
use crate::capabilities::outbound::Clients;
use crate::dispatch::fixture;
use crate::dispatch::scripts::attempts::MOST_TIME;
use crate::dispatch::stored::Waiting;
use crate::engine::Share;
use crate::engine::watchdog::TimeSlice;
use crate::log::Log;
use crate::policy::Policy;
use crate::runtime_api::shutdown::Stop;
use crate::sandbox::{FunctionSettings, component};
use crate::script::{File, SMALLEST};

/// The first byte of a file says what the engine does with it: `!` is a mistake, `T` a trap, `L` an endless loop, `E` no bytecode, `B`
/// more bytecode than there may be, `M` more memory than there may be, and `D` the same, which it reports as a mistake.
const COMPILE: &str = "
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
    (if (i32.eq (local.get $first) (i32.const 68)) (then
        (i32.store (i32.const 16) (i32.eq (memory.grow (i32.const 4096)) (i32.const -1)))
        (i32.store (i32.const 20) (i32.const 1024))
        (i32.store (i32.const 24) (i32.const 3))))
    (if (i32.eq (local.get $first) (i32.const 77)) (then
        (if (i32.eq (memory.grow (i32.const 4096)) (i32.const -1)) (then unreachable))))";

/// More than a compilation under the policy of the stage may have.
const MEMORY: usize = 512 << 20;

struct Stage {
    loaded: Loaded,
    sandboxes: Sandboxes,
    watchdog: Watchdog,
    route: Route,
    scripts: Arc<Scripts>,
    root: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let largest = Limits { memory: MEMORY, ..Limits::default() };
        let (engine, _) = crate::engine::start_for(2, Share::under(&largest)).unwrap();
        let imports = crate::capabilities::imports(&engine).unwrap();
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("engine.wasm");
        std::fs::write(&file, fixture::engine(COMPILE)).unwrap();
        let loaded = component::compile(&engine, &imports, &file).unwrap();
        let watchdog = Watchdog::start(&engine, TimeSlice::ALONE).unwrap();
        let scripts = Scripts::new(root.path().to_owned(), None, Arc::new(Log::kept()));
        let route = route("acme", |_| ());
        Self { loaded, sandboxes: sandboxes(), watchdog, route, scripts, root }
    }

    fn compiler<'a>(&'a self, route: &'a Route) -> Compiler<'a> {
        Compiler { loaded: &self.loaded, route, sandboxes: &self.sandboxes, watchdog: &self.watchdog }
    }

    /// The paths of the files that have bytecode in a script that has an entry and these files, and why not all have.
    async fn compiled(&self, files: &[(&str, &str)]) -> (Vec<String>, Result<(), NotCompiled>) {
        let imports: String = files.iter().map(|(path, _)| format!("'./{path}'")).collect();
        let entry = ("index.js", imports);
        let files = files.iter().map(|(path, text)| (*path, (*text).to_owned())).chain([entry]);
        let file = |(path, text): (&str, String)| File {
            path: path.into(),
            content: (text + &" ".repeat(SMALLEST)).into_bytes().into(),
        };
        let script = Script::new(Path::new("notes/index.js").into(), "index.js", files.map(file).collect());
        let offer = Offer::of(&self.route.policy.limits, Instant::now() + Duration::from_secs(60));
        let (script, ended) = self.compiler(&self.route).compile(script.unwrap().into(), offer).await;
        for file in script.files() {
            let same = script.bytecode(&file.path).is_none_or(|bytecode| *bytecode == file.content);
            assert!(same, "{}", file.path);
        }
        let has_bytecode = |file: &&File| script.bytecode(&file.path).is_some();
        let paths = script.files().iter().filter(has_bytecode).map(|file| file.path.to_string());
        (paths.collect(), ended)
    }

    /// A script of one file, read from its folder.
    async fn read(&self, text: &str) -> Arc<Script> {
        let folder = format!("script-{}", text.len() + usize::from(text.as_bytes()[0]));
        std::fs::create_dir_all(self.root.path().join(&folder)).unwrap();
        std::fs::write(self.root.path().join(&folder).join("index.js"), text).unwrap();
        let (meter, mut stop) = (Meter::new(Duration::MAX), Stop::default());
        let waiting = Waiting::new(Instant::now() + Duration::from_secs(30), &meter, &mut stop);
        let place = Path::new(&folder).join("index.js").into();
        self.scripts.get(&place, &self.loaded.digest, waiting).await.unwrap()
    }

    /// The attempt of an event with this route.
    fn attempt(&self, script: &Arc<Script>, route: &Route) -> Option<Attempt> {
        self.scripts.attempt(script, &route.policy.limits, Instant::now() + Duration::from_secs(60))
    }

    /// The script after an event with this route, and what the log says. `None` if the event does not compile it.
    async fn event(&self, script: &Arc<Script>, route: &Route) -> Option<(Arc<Script>, Option<String>)> {
        Some(self.attempt(script, route)?.run(self.compiler(route)).await)
    }
}

/// The route of a tenant with other limits.
fn route(tenant: &str, change: impl FnOnce(&mut Limits)) -> Route {
    let mut policy = Policy::default_for("notes");
    change(&mut policy.limits);
    Route { tenant_id: Some(tenant.into()), is_known: true, ..Route::to(0, Arc::new(policy)) }
}

/// A file that is worth compiling.
fn large(text: &str) -> String {
    format!("{text}{}", " ".repeat(SMALLEST))
}

fn sandboxes() -> Sandboxes {
    let log = Arc::new(Log::kept());
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

#[tokio::test]
async fn files_that_can_be_compiled_have_bytecode_and_others_have_none() {
    let files = [("a.js", "a"), ("bad.js", "!"), ("none.mjs", "E"), ("data.json", "{}"), ("b.js", "b")];
    let compiled = ["a.js", "b.js", "index.js"].map(str::to_owned);
    assert_eq!(Stage::new().compiled(&files).await, (compiled.into(), Ok(())));
}

#[tokio::test]
async fn what_ends_the_compiler_leaves_what_was_compiled_before() {
    let mut stage = Stage::new();
    let trap = "wasm trap: wasm `unreachable` instruction executed".to_owned();
    for (ending, why) in [
        ("T", NotCompiled::Ended(trap)),
        ("M", NotCompiled::Limit(Limit::Memory)),
        ("D", NotCompiled::Limit(Limit::Memory)),
    ] {
        let files = [("a.js", "a"), ("b.js", ending), ("c.js", "c")];
        let (compiled, ended) = stage.compiled(&files).await;
        assert_eq!((compiled, ended), (vec!["a.js".to_owned(), "index.js".to_owned()], Err(why)));
    }
    // The next script is not concerned.
    assert_eq!(stage.compiled(&[("a.js", "a")]).await.0, ["a.js", "index.js"]);
    stage.route = route("acme", |limits| limits.hostcall = 100_000);
    let (compiled, ended) = stage.compiled(&[("a.js", "B")]).await;
    assert_eq!((compiled, ended), (vec!["index.js".to_owned()], Err(NotCompiled::Limit(Limit::Hostcall))));
}

#[tokio::test]
async fn a_compiler_that_does_not_return_is_stopped() {
    let stage = Stage::new();
    let script = stage.read(&large("L")).await;
    let begun = Instant::now();
    let limits = |cpu_time, wall_time, limit| (Offer { cpu_time, wall_time, ..offer() }, limit);
    let second = Duration::from_secs(1);
    for (offer, limit) in [
        limits(Duration::from_millis(1), 60 * second, Limit::CpuTime),
        limits(MOST_TIME, 60 * second, Limit::CpuTime),
        limits(60 * second, Duration::from_millis(1), Limit::WallTime),
        limits(second, Duration::ZERO, Limit::WallTime),
    ] {
        let (same, ended) = stage.compiler(&stage.route).compile(Arc::clone(&script), offer).await;
        assert_eq!((ended, same.bytecode("index.js")), (Err(NotCompiled::Limit(limit)), None));
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

fn offer() -> Offer {
    Offer::of(&Limits::default(), Instant::now() + Duration::from_secs(60))
}

#[tokio::test]
async fn an_event_takes_turns_with_others_while_it_compiles_and_its_sandbox_is_counted() {
    let stage = Stage::new();
    let script = stage.read(&large("L")).await;
    let occupants = || stage.sandboxes.pool_usage.occupants();
    {
        let mut run = pin!(stage.compiler(&stage.route).compile(script, offer()));
        // The first poll ends with the first time slice.
        poll_fn(|context| {
            assert!(run.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        let one = "the handler notes for the tenant \"acme\": 1 with 1 memories and 0 tables";
        assert_eq!(occupants(), one);
    }
    assert_eq!(occupants(), "none");
}

#[tokio::test]
async fn an_ending_at_a_limit_of_one_tenant_is_not_final_for_another() {
    let stage = Stage::new();
    let script = stage.read(&large("M")).await;
    let (small, rich) = (route("small", |_| ()), route("rich", |limits| limits.memory = MEMORY));
    let (same, told) = stage.event(&script, &small).await.unwrap();
    assert!(Arc::ptr_eq(&same, &script) || same.bytecode("index.js").is_none());
    let told = told.unwrap();
    let expected = "ScriptNotCompiled: the script script-2126/index.js of the tenant \"small\" was not compiled, because that took \
                    more than the limit `memory`; each event runs it from source, which takes longer, and an event with higher \
                    limits tries again";
    assert_eq!(told, expected);
    for _ in 0..3 {
        assert!(stage.event(&script, &small).await.is_none(), "it would be in vain");
    }
    let (compiled, told) = stage.event(&script, &rich).await.unwrap();
    assert_eq!((compiled.bytecode("index.js").is_some(), told), (true, None));
    assert!(Arc::ptr_eq(&compiled, &stage.scripts.kept(&script.place).unwrap()), "all have it");
    assert!(stage.event(&compiled, &rich).await.is_none());
}

#[tokio::test]
async fn what_is_the_script_s_own_is_final_and_the_log_has_it_once() {
    let stage = Stage::new();
    let rich = route("rich", |limits| limits.cpu_time = Duration::from_secs(60));
    for (text, why) in [
        ("T", "the engine ended with `wasm trap: wasm `unreachable` instruction executed`"),
        ("L", "that took more than 400ms of processor time"),
    ] {
        let script = stage.read(&large(text)).await;
        let (_, told) = stage.event(&script, &rich).await.unwrap();
        let told = told.unwrap();
        assert!(told.contains(why) && told.ends_with("and nothing tries again"), "{told}");
        assert!(stage.event(&script, &rich).await.is_none());
    }
    // A mistake is reported by each event.
    let script = stage.read(&large("!")).await;
    let (same, told) = stage.event(&script, &rich).await.unwrap();
    assert_eq!((same.bytecode("index.js"), told), (None, None));
    assert!(stage.event(&script, &rich).await.is_none());
}

#[tokio::test]
async fn an_attempt_that_is_given_up_is_made_again_and_meanwhile_others_do_not_wait() {
    let stage = Stage::new();
    let script = stage.read(&large("1")).await;
    let attempt = stage.attempt(&script, &stage.route).unwrap();
    assert!(stage.attempt(&script, &stage.route).is_none(), "the other event runs it from source");
    drop(attempt);
    let (compiled, told) = stage.event(&script, &stage.route).await.unwrap();
    assert_eq!((compiled.bytecode("index.js").is_some(), told), (true, None));
    let small = stage.read("1").await;
    assert!(stage.attempt(&small, &stage.route).is_none(), "a small script is not compiled");
}
