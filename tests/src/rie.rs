//! Lambda's own Runtime Interface Emulator, as a reference for the Runtime API.
//!
//! It wants its ports named, so free ones are looked for, and it is started again where somebody else was faster.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::artifacts;
use crate::http::{Headers, Reader, encode};
use crate::runtime_api::WAIT_LIMIT;
use crate::{Running, TaskRoot};

/// A running emulator, with the bootstrap as its child from the first event on.
#[derive(Debug)]
pub struct Rie {
    running: Running,
    address: SocketAddr,
}

/// What the caller of a function gets.
#[derive(Debug)]
pub struct Invoked {
    /// The HTTP status.
    pub status: String,
    /// The payload.
    pub body: Vec<u8>,
}

impl Invoked {
    /// The payload as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The payload as JSON.
    ///
    /// # Panics
    /// Where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON in {:?}: {error}", self.text()))
    }
}

impl Rie {
    /// Starts the emulator with the bootstrap under test; `None`, with a warning, if it is not installed.
    ///
    /// # Panics
    /// Where it does not start, or is missing in CI.
    pub fn start(root: &TaskRoot, handler: &str, environment: &[(&str, &str)]) -> Option<Self> {
        Self::at(&artifacts::bootstrap(), root.path(), handler, environment)
    }

    /// The same with any other bootstrap and any folder.
    ///
    /// # Panics
    /// As [`Rie::start`].
    pub fn at(bootstrap: &Path, root: &Path, handler: &str, environment: &[(&str, &str)]) -> Option<Self> {
        let program = program(handler)?;
        Some(Self::listening(|addresses| {
            let mut command = Command::new(&program);
            command
                .args(addresses)
                .arg(bootstrap)
                .arg(handler)
                .env_clear()
                .env("LAMBDA_TASK_ROOT", root)
                .env("AWS_LAMBDA_FUNCTION_NAME", "tested")
                .envs(environment.iter().copied());
            command
        }))
    }

    /// Starts the emulator as a managed instance that handles this many events at a time; `None`, with a warning, if
    /// it is not installed.
    ///
    /// It looks for the bootstrap where Lambda has it and nowhere else, so it gets a `/var` of its own (M13.5).
    ///
    /// # Panics
    /// Where it does not start, or is missing in CI.
    pub fn managed(root: &TaskRoot, handler: &str, slots: usize) -> Option<Self> {
        let program = program(handler)?;
        if !has_namespaces(handler) {
            return None;
        }
        let layers = root.path().join("layers");
        std::fs::create_dir(&layers).expect("make a place for the layers of /var");
        Some(Self::listening(|addresses| {
            let mut command = Command::new("unshare");
            command
                .args(["--mount", "sh", "-c", WITH_OWN_VAR])
                .arg(&layers)
                .arg(artifacts::bootstrap())
                .arg(root.path())
                .arg(&program)
                .args(addresses)
                .env_clear()
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
                .env("LAMBDA_TASK_ROOT", "/var/task")
                .env("AWS_LAMBDA_FUNCTION_NAME", "tested")
                .env("AWS_LAMBDA_FUNCTION_TIMEOUT", "2")
                .env("AWS_LAMBDA_MAX_CONCURRENCY", slots.to_string())
                .env("_HANDLER", handler);
            command
        }))
    }

    /// Starts it on ports that are free.
    fn listening(command: impl Fn([String; 4]) -> Command) -> Self {
        for _ in 0..5 {
            let [invoke, runtime_api] = free_ports();
            let addresses = [
                "--runtime-interface-emulator-address".to_owned(),
                invoke.to_string(),
                "--runtime-api-address".to_owned(),
                runtime_api.to_string(),
            ];
            let mut running = Running::start(command(addresses));
            if listens(&mut running, invoke) {
                return Self { running, address: invoke };
            }
        }
        panic!("the emulator did not start in five attempts");
    }

    /// Invokes the function.
    ///
    /// # Panics
    /// Where there is no answer at all.
    pub fn invoke(&self, event: impl AsRef<[u8]>, headers: &[(&str, &str)]) -> Invoked {
        let stream = TcpStream::connect(self.address).expect("connect to the emulator");
        stream.set_read_timeout(Some(WAIT_LIMIT)).expect("set a time limit");
        let mut all: Headers = vec![("Host".to_owned(), self.address.to_string().into_bytes())];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())));
        let start = "POST /2015-03-31/functions/function/invocations HTTP/1.1";
        let mut reader = Reader::new(stream);
        reader.write(&encode(start, &all, event.as_ref())).expect("send the event");
        let message = reader.response().expect("read the answer").expect("an answer");
        Invoked { status: message.start.0, body: message.body }
    }

    /// Invokes the function, and again for as long as no loop of it is free (L8.6): one that has just answered may not
    /// be back yet.
    ///
    /// # Panics
    /// Where there is no answer at all, or none is free for 30 s.
    pub fn invoke_when_free(&self, event: impl AsRef<[u8]>) -> Invoked {
        let until = Instant::now() + WAIT_LIMIT;
        loop {
            let invoked = self.invoke(&event, &[]);
            if !invoked.text().contains("Runtime.Unavailable") {
                return invoked;
            }
            assert!(
                Instant::now() < until,
                "waited {WAIT_LIMIT:?} for a free loop; its log:\n{}",
                self.logs()
            );
            self.running.wait_output(Duration::from_millis(20));
        }
    }

    /// Waits until emulator or bootstrap prints this.
    pub fn wait_log(&self, text: &str) {
        self.running.wait_log(text);
    }

    /// What emulator and bootstrap have printed.
    pub fn logs(&self) -> String {
        self.running.logs()
    }

    /// How often the emulator started the bootstrap.
    pub fn starts(&self) -> usize {
        self.logs().matches("Starting runtime").count()
    }
}

impl Drop for Rie {
    fn drop(&mut self) {
        // It takes the bootstrap with it, which a kill would leave behind for a moment.
        if self.running.is_alive() {
            self.running.terminate();
            self.running.wait_exit(WAIT_LIMIT);
        }
    }
}

/// A `/var` with our bootstrap and our components in it, over the machine's; then whatever else is named.
const WITH_OWN_VAR: &str = r#"
    set -e
    layers=$0 bootstrap=$1 task_root=$2
    shift 2
    mount -t tmpfs none "$layers"
    mkdir -p "$layers/upper/runtime" "$layers/upper/task" "$layers/work"
    cp "$bootstrap" "$layers/upper/runtime/bootstrap"
    cp "$task_root"/*.* "$layers/upper/task"
    mount -t overlay overlay -o "lowerdir=/var,upperdir=$layers/upper,workdir=$layers/work" /var
    exec "$@"
"#;

/// The emulator, or a warning about the test that is skipped.
fn program(handler: &str) -> Option<std::path::PathBuf> {
    let program = artifacts::rie();
    if program.is_none() {
        artifacts::skipped(&format!("BULKHEAD_RIE is not set, so {handler} was not tested with Lambda's emulator"));
    }
    program
}

/// Whether this process may mount something for a child alone.
fn has_namespaces(handler: &str) -> bool {
    let tried = Command::new("unshare").args(["--mount", "true"]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        assert!(std::env::var_os("CI").is_none(), "`unshare --mount` must work in CI; run as root");
        artifacts::skipped(&format!(
            "`unshare --mount` is not allowed, so {handler} was not tested with Lambda's emulator as a managed instance"
        ));
    }
    may
}

fn free_ports() -> [SocketAddr; 2] {
    // Both are held until both are known, or they could be the same.
    let held = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("find a free port"));
    held.map(|listener| listener.local_addr().expect("the address of a free port"))
}

/// Waits until somebody accepts connections; `false` where the emulator gave up first.
fn listens(running: &mut Running, address: SocketAddr) -> bool {
    let until = Instant::now() + WAIT_LIMIT;
    while Instant::now() < until {
        if !running.is_alive() {
            return false;
        }
        if TcpStream::connect(address).is_ok() {
            return running.is_alive();
        }
        running.wait_output(Duration::from_millis(20));
    }
    panic!("the emulator does not listen; its log:\n{}", running.logs());
}
