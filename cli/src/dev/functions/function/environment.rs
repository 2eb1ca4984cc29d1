//! The life of one environment: its process, until that ends or is to end.

use std::sync::Arc;
use std::time::Duration;

use super::Function;
use crate::dev::console;
use crate::local::LocalError;
use crate::local::events::{EnvironmentId, Failure, Fate};
use crate::local::program::{Program, Sink};

/// How long the start may take: what Lambda allows where it is not in a hurry.
const INIT: Duration = Duration::from_secs(130);

/// Why an environment ended.
enum Ending {
    /// It was to go.
    Drained,
    /// By itself.
    Exited(String),
    /// Killed, because an event was not answered in time.
    Late,
    /// Killed, because it never asked for one.
    NotStarted,
}

/// Runs one, from its start to its end.
pub(super) async fn run(function: Arc<Function>, id: EnvironmentId) {
    let ending = match start(&function, id) {
        Ok(program) => live(&function, id, program).await,
        Err(error) => Ending::Exited(error.to_string()),
    };
    let told = match &ending {
        Ending::Drained | Ending::Late => None,
        Ending::Exited(how) => Some(how.clone()),
        Ending::NotStarted => Some(format!("it did not ask for an event within {INIT:?}")),
    };
    let message = told.as_deref().unwrap_or("the environment was stopped");
    let has_started = function.events.end_environment(id, |request_id| {
        Failure::new("Runtime.ExitError", &format!("RequestId: {request_id} Error: {message}"))
    });
    function.forget(id);
    if let Some(told) = told {
        console::tell(&function.name, &format!("its environment ended: {told}"));
    }
    let others = function.events.load().environments;
    if !has_started && others > 0 {
        console::tell(&function.name, "the new version did not start; the old one goes on");
    }
    // What cannot start is not tried again and again.
    if has_started || others == 0 {
        function.grow();
    }
}

/// Looks after the events of one that somebody else started.
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

async fn live(function: &Arc<Function>, id: EnvironmentId, mut program: Program) -> Ending {
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
                Ok(status) => Ending::Exited(format!("Runtime exited with error: {status}")),
                Err(error) => Ending::Exited(format!("the bootstrap cannot be waited for: {error}")),
            },
            fate = function.events.fate(id, is_started) => match fate {
                Fate::Started => {
                    is_started = true;
                    function.take_over(id);
                }
                Fate::Drained => break Ending::Drained,
                Fate::Overdue(late) => {
                    fail(function, &late);
                    break Ending::Late;
                }
            },
            () = start => break Ending::NotStarted,
        }
    };
    match ending {
        Ending::Drained | Ending::Exited(_) => program.end().await,
        Ending::Late | Ending::NotStarted => program.kill().await,
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
