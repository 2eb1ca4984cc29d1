//! Sandboxes where there is no room for them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise, also in its helpers")]

use std::path::Path;

use super::*;
use crate::engine::watchdog::{TimeSlice, Watchdog};
use crate::engine::{self, Engine};
use crate::log::{Format, Level, LogSettings};
use crate::runtime_api::InvocationId;
use crate::runtime_api::invocation::{Caller, Deadline, Invocation};
use crate::sandbox::time_budget::TimeBudget;

fn sandboxes() -> Sandboxes {
    let log = Arc::new(Log::new(&LogSettings {
        format: Format::Text,
        level: Level::Fatal,
        telemetry_fd: None,
        batches: false,
    }));
    let function = FunctionSettings {
        name: "tested".to_owned(),
        version: "$LATEST".to_owned(),
        log_group: "/aws/lambda/tested".to_owned(),
        log_stream: "stream".to_owned(),
        memory_mb: 128,
    };
    let clients = Clients::new(Arc::clone(&log), "127.0.0.1:9001", &[]).unwrap();
    let directories = Granted::open(Path::new("."), std::iter::empty()).unwrap();
    let stores = Arc::new(Stores::none(Arc::clone(&log)));
    Sandboxes { function, log, directories, clients, stores, pool_usage: Arc::default() }
}

/// A program that does nothing.
fn program(engine: &Engine) -> Loaded {
    let imports = crate::capabilities::imports(engine).unwrap();
    let module = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
    let file = tempfile::NamedTempFile::with_suffix(".wasm").unwrap();
    std::fs::write(file.path(), module).unwrap();
    component::compile(engine, &imports, file.path()).unwrap()
}

#[tokio::test]
async fn where_the_pool_is_full_that_is_the_host_s_and_it_is_known_who_has_it() {
    let (engine, _) = engine::start(1).unwrap();
    let (sandboxes, loaded) = (sandboxes(), program(&engine));
    let route = Route::to(0, Arc::new(Policy::default_for("hello")));
    let watchdog = Watchdog::start(&engine, TimeSlice::ALONE).unwrap();
    let guard = watchdog.guard(Instant::now() + Duration::from_secs(60));
    let one = sandboxes.make(&loaded, &route, &guard, Meter::new(Duration::MAX)).await;
    let two = sandboxes.make(&loaded, &route, &guard, Meter::new(Duration::MAX)).await;
    assert!(one.is_ready() && two.is_ready() && one.out_of_room().is_none());
    let three = sandboxes.make(&loaded, &route, &guard, Meter::new(Duration::MAX)).await;
    assert!(three.out_of_room().unwrap().to_string().starts_with("maximum concurrent limit of 2 for "));
    assert!(
        sandboxes.pool_usage.occupants().starts_with("the handler hello: 3 with "),
        "{}",
        sandboxes.pool_usage.occupants()
    );
    let invocation = Invocation {
        id: InvocationId { request_id: "1".into(), attempt: None },
        tenant_id: Some("acme".into()),
        event: "1".into(),
        deadline: Deadline::Unknown { reason: "not there" },
    };
    let budget = TimeBudget::new(Duration::from_secs(5), invocation.deadline, 1);
    let meter = Meter::new(Duration::MAX);
    let visit = Visit { invocation: &invocation, caller: &Caller::default(), route: &route, channel: None };
    let timing = Timing { budget, guard: &guard, meter: &meter };
    let run = sandboxes.run(three, visit, timing).await;
    assert!(matches!(run.outcome, Outcome::SandboxUnavailable { .. }), "{:?}", run.outcome);
    drop((one, run));
    assert!(sandboxes.make(&loaded, &route, &guard, Meter::new(Duration::MAX)).await.is_ready());
    assert!(
        sandboxes.pool_usage.occupants().starts_with("the handler hello: 1 with "),
        "{}",
        sandboxes.pool_usage.occupants()
    );
}
