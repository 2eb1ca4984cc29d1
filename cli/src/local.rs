//! Runs a function on this machine as Lambda does: a Runtime API, and the real `bootstrap` that polls it for
//! events.
//!
//! The bootstrap gets what Lambda would give it: the headers of each event, a deadline, and an environment
//! without variables of this machine.

pub(crate) mod events;
pub(crate) mod program;
pub(crate) mod runtime_api;
pub(crate) mod secrets;
pub(crate) mod settings;
mod task_root;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulkhead_host::text::printable::Shown as _;
use tokio::net::TcpListener;

pub(crate) use events::{Answer, Event};
use events::{EnvironmentId, Events};
pub(crate) use program::{ENGINES_VARIABLE, bootstrap, bootstrap_for, engine};
use program::{Line, Program};
pub(crate) use task_root::{is_task_root, task_root};

/// The settings of a function, which would be its configuration in Lambda.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    /// `_HANDLER`.
    pub(crate) handler: String,
    /// The folder with the components and `bulkhead.toml`.
    pub(crate) task_root: PathBuf,
    /// The bootstrap.
    pub(crate) bootstrap: PathBuf,
    /// The timeout of an event.
    pub(crate) timeout: Duration,
    /// In MB.
    pub(crate) memory: u32,
    /// More environment variables.
    pub(crate) environment: Vec<(String, String)>,
}

/// A running function.
#[derive(Debug)]
pub(crate) struct Local {
    events: Arc<Events>,
    program: Program,
    printed: Arc<Mutex<Printed>>,
    sent: u64,
    timeout: Duration,
}

/// Why an event has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    #[error("no local port is free for the Runtime API")]
    Listen(#[source] std::io::Error),
    #[error("{} cannot be started; choose another with --bootstrap", .0.shown())]
    Start(PathBuf, #[source] std::io::Error),
    #[error("the bootstrap ended with {0} before it answered; see its log for the reason")]
    Ended(std::process::ExitStatus),
    #[error("the bootstrap was killed because it had not answered {0:?} after the function's timeout")]
    Stuck(Duration),
    #[error("the bootstrap cannot be waited for")]
    Wait(#[source] std::io::Error),
}

/// How long after the timeout a bootstrap has to answer. Lambda would have replaced it by then.
const GRACE: Duration = Duration::from_secs(2);

/// How long the bootstrap may take to load its components: Lambda's own limit.
const INIT: Duration = Duration::from_secs(10);

impl Local {
    /// Starts the server and the bootstrap.
    pub(crate) async fn start(function: &Function) -> Result<Self, LocalError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(LocalError::Listen)?;
        let address = listener.local_addr().map_err(LocalError::Listen)?;
        let events = Arc::new(Events::new(function.timeout));
        tokio::spawn(runtime_api::serve(listener, Arc::clone(&events)));
        events.begin_environment(EnvironmentId::ONLY);
        let printed = Arc::new(Mutex::new(Printed::default()));
        let printing = Arc::clone(&printed);
        let sink: program::Sink = Arc::new(move |line, text: &str| {
            let mut printed = printing.lock().unwrap_or_else(PoisonError::into_inner);
            let all = match line {
                Line::Stdout => &mut printed.stdout,
                Line::Stderr => &mut printed.stderr,
            };
            all.extend([text, "\n"]);
        });
        let program = Program::start(function, &address.to_string(), &sink)?;
        Ok(Self { events, program, printed, sent: 0, timeout: function.timeout })
    }

    /// Sends an event, and waits for its answer.
    pub(crate) async fn invoke(&mut self, event: Event) -> Result<Answer, LocalError> {
        self.sent += 1;
        let reply = self.events.send(format!("00000000-0000-4000-8000-{:012}", self.sent), event);
        let answer = async { Ok::<_, tokio::sync::oneshot::error::RecvError>(reply.await?.collect().await) };
        let patience = self.timeout + INIT + GRACE;
        tokio::select! {
            biased;
            answer = answer => match answer {
                Ok(answer) => Ok(answer),
                // An event is dropped only with the server, which lives as long as this function.
                Err(_) => Err(LocalError::Stuck(GRACE)),
            },
            ended = self.program.ended() => Err(match ended {
                Ok(status) => LocalError::Ended(status),
                Err(error) => LocalError::Wait(error),
            }),
            () = tokio::time::sleep(patience) => Err(LocalError::Stuck(INIT + GRACE)),
        }
    }

    /// Stops the bootstrap, and returns everything that it printed.
    pub(crate) async fn end(self) -> Printed {
        self.program.end().await;
        std::mem::take(&mut self.printed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The output of a bootstrap.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Printed {
    /// Stdout: the log, with the receipts.
    pub(crate) stdout: String,
    /// Stderr: anything that a bootstrap prints there is a fault.
    pub(crate) stderr: String,
}
