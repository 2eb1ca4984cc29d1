//! Runs one environment: starts its process, and waits until that ends or is to end.

use std::sync::Arc;
use std::time::Duration;

use super::Function;
use crate::dev::console;
use crate::local::LocalError;
use crate::local::events::{EnvironmentId, Failure, Fate};
use crate::local::program::{Program, Sink};

/// The longest time that the start may take: Lambda's limit for provisioned concurrency.
const INIT: Duration = Duration::from_secs(130);

/// Why an environment ended.
enum EndReason {
    /// It was retired and has finished its events.
    Drained,
    /// The process ended by itself.
    Exited(String),
    /// It was killed because an event was not answered in time.
    Late,
    /// It was killed because it never asked for an event.
    NotStarted,
}

/// Runs an environment from its start to its end.
pub(super) async fn run(function: Arc<Function>, id: EnvironmentId) {
    let ending = match start(&function, id) {
        Ok(program) => supervise(&function, id, program).await,
        Err(error) => EndReason::Exited(error.to_string()),
    };
    let reported = match &ending {
        EndReason::Drained | EndReason::Late => None,
        EndReason::Exited(how) => Some(how.clone()),
        EndReason::NotStarted => Some(format!("it did not ask for an event within {INIT:?}")),
    };
    let message = reported.as_deref().unwrap_or("the environment was stopped");
    let has_started = function.events.end_environment(id, |request_id| {
        Failure::new("Runtime.ExitError", &format!("RequestId: {request_id} Error: {message}"))
    });
    function.forget(id);
    if let Some(how) = reported {
        console::tell(&function.name, &format!("its environment ended: {how}"));
    }
    let others = function.events.load().environments;
    if !has_started && others > 0 {
        console::tell(&function.name, "the new version did not start; the old version keeps running");
    }
    // An environment that cannot start is not started again and again.
    if has_started || others == 0 {
        function.grow();
    }
}

/// Fails the events that your own runtimes do not answer in time.
pub(super) async fn attached(function: Arc<Function>, id: EnvironmentId) {
    loop {
        if let Fate::Overdue(late) = function.events.fate(id, true).await {
            fail(&function, &late);
        }
    }
}

fn start(function: &Arc<Function>, id: EnvironmentId) -> Result<Program, LocalError> {
    let runtime_api = format!("{}/.rt/{}/{}", function.shared.address, function.name, id.0);
    let (shared, name) = (Arc::clone(&function.shared), function.name.clone());
    let sink: Sink = Arc::new(move |_, line: &str| {
        let receipt = shared.records.print(id, line);
        console::print(&name, line, receipt.as_ref());
    });
    let program = Program::start(&function.settings, &runtime_api, &sink)?;
    if let Some(running) = function.running().get_mut(&id) {
        running.drain = Some(program.drain());
    }
    Ok(program)
}

async fn supervise(function: &Arc<Function>, id: EnvironmentId, mut program: Program) -> EndReason {
    let mut is_started = false;
    let ending = loop {
        let start = async {
            if is_started {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(INIT).await;
        };
        tokio::select! {
            ended = program.ended() => break match ended {
                Ok(status) => EndReason::Exited(format!("Runtime exited with error: {status}")),
                Err(error) => EndReason::Exited(format!("the bootstrap cannot be waited for: {error}")),
            },
            fate = function.events.fate(id, is_started) => match fate {
                Fate::Started => {
                    is_started = true;
                    function.take_over(id);
                }
                Fate::Drained => break EndReason::Drained,
                Fate::Overdue(late) => {
                    fail(function, &late);
                    break EndReason::Late;
                }
            },
            () = start => break EndReason::NotStarted,
        }
    };
    match ending {
        EndReason::Drained | EndReason::Exited(_) => program.end().await,
        EndReason::Late | EndReason::NotStarted => program.kill().await,
    }
    ending
}

fn fail(function: &Function, late: &[String]) {
    let timeout = function.settings.timeout.as_secs_f64();
    function.events.fail(late, |request_id| {
        let message = format!("RequestId: {request_id} Error: Task timed out after {timeout:.2} seconds");
        Failure::new("Sandbox.Timedout", &message)
    });
}
