//! Lambda's own Runtime Interface Emulator, as the judge of what we believe about the Runtime API.
//!
//! It wants its ports named, so free ones are looked for, and it is started again where somebody else was faster.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::http::{Headers, Reader, encode};
use crate::runtime_api::PATIENCE;
use crate::{Running, TaskRoot, artifacts};

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
    /// Starts the emulator with the bootstrap under test; `None`, and a loud word, where there is no emulator.
    ///
    /// # Panics
    /// Where it does not start, or is missing in CI.
    pub fn start(root: &TaskRoot, handler: &str, environment: &[(&str, &str)]) -> Option<Self> {
        let Some(program) = artifacts::rie() else {
            // Not `eprintln!`, which is captured and shown for tests that fail only.
            drop(writeln!(
                std::io::stderr(),
                "SKIPPED, NOT PASSED: BULKHEAD_RIE is not set, so {handler} did not meet Lambda's emulator"
            ));
            return None;
        };
        for _ in 0..5 {
            let [invoke, runtime_api] = free_ports();
            let mut command = Command::new(&program);
            command
                .arg("--runtime-interface-emulator-address")
                .arg(invoke.to_string())
                .arg("--runtime-api-address")
                .arg(runtime_api.to_string())
                .arg(artifacts::bootstrap())
                .arg(handler)
                .env_clear()
                .env("LAMBDA_TASK_ROOT", root.path())
                .env("AWS_LAMBDA_FUNCTION_NAME", "tested")
                .envs(environment.iter().copied());
            let mut running = Running::start(command);
            if listens(&mut running, invoke) {
                return Some(Self { running, address: invoke });
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
        stream.set_read_timeout(Some(PATIENCE)).expect("set a time limit");
        let mut all: Headers = vec![("Host".to_owned(), self.address.to_string().into_bytes())];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())));
        let start = "POST /2015-03-31/functions/function/invocations HTTP/1.1";
        let mut reader = Reader::new(stream);
        reader.write(&encode(start, &all, event.as_ref())).expect("send the event");
        let message = reader.response().expect("read the answer").expect("an answer");
        Invoked { status: message.start.0, body: message.body }
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
            self.running.wait_exit(PATIENCE);
        }
    }
}

fn free_ports() -> [SocketAddr; 2] {
    // Both are held until both are known, or they could be the same.
    let held = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("find a free port"));
    held.map(|listener| listener.local_addr().expect("the address of a free port"))
}

/// Waits until somebody accepts connections; `false` where the emulator gave up first.
fn listens(running: &mut Running, address: SocketAddr) -> bool {
    let until = Instant::now() + PATIENCE;
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
