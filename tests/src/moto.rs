//! moto's server, which simulates AWS: it keeps data in memory, and ends with its test.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::Running;
use crate::artifacts::{self, skipped};
use crate::http::{Headers, Reader, encode};
/// The region that all requests are for.
pub const REGION: &str = "eu-central-1";

/// How long an answer is waited for. The first request to CloudFormation loads all services, which takes long on a
/// machine with other work.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// What it prints before its port.
const LISTENS: &str = "Running on http://127.0.0.1:";

/// A running server. It is killed when it is dropped.
#[derive(Debug)]
pub struct Moto {
    address: SocketAddr,
    // It has no children, so its end is the end of all.
    _running: Running,
}

impl Moto {
    /// Starts it on a port that the system chooses; `None`, with a warning, if it is not installed.
    ///
    /// # Panics
    /// Where it does not start, or is missing in CI.
    pub fn start(wanted_by: &str) -> Option<Self> {
        let Some(program) = artifacts::moto() else {
            skipped(&format!("BULKHEAD_MOTO is not set, so {wanted_by} was not tested with an AWS service"));
            return None;
        };
        Some(Self::at(&program))
    }

    /// Starts the server that is this program.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn at(program: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", "0"]).env_clear();
        let running = Running::start(command);
        running.wait_log(LISTENS);
        // The line may not be there to its end yet.
        running.wait_log("CTRL+C");
        let log = running.logs();
        let port: String = log
            .split_once(LISTENS)
            .into_iter()
            .flat_map(|(_, port)| port.chars().take_while(char::is_ascii_digit))
            .collect();
        let port = port.parse().unwrap_or_else(|error| panic!("no port ({error}) in its log:\n{log}"));
        Self { address: (Ipv4Addr::LOCALHOST, port).into(), _running: running }
    }

    /// Where it listens, as an endpoint of the SDK.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks DynamoDB something, as the console would; it must agree.
    ///
    /// # Panics
    /// Where it does not.
    pub fn dynamodb(&self, operation: &str, request: &Value) -> Value {
        self.json("dynamodb", &format!("DynamoDB_20120810.{operation}"), request)
    }

    /// The same for another service that speaks JSON. `target` is the operation with the name that the service has in
    /// this protocol.
    ///
    /// # Panics
    /// Where it does not agree.
    pub fn json(&self, service: &str, target: &str, request: &Value) -> Value {
        let headers = [("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", target)];
        let text = self.request(service, "POST /", &headers, request.to_string().as_bytes());
        if text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{target}: {error} in {text}"))
    }

    /// Sends a service any request, and returns the body of its answer.
    ///
    /// # Panics
    /// Where it does not agree.
    pub fn request(&self, service: &str, start: &str, said: &[(&str, &str)], body: &[u8]) -> String {
        let stream = TcpStream::connect(self.address).expect("connect to moto");
        stream.set_read_timeout(Some(ANSWER_LIMIT)).expect("set a time limit");
        let scope = format!("AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request");
        let address = self.address.to_string();
        let own = [("Host", &*address), ("Authorization", &*scope)];
        let all = own.iter().chain(said).map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        let headers: Headers = all.collect();
        let mut reader = Reader::new(stream);
        reader.write(&encode(&format!("{start} HTTP/1.1"), &headers, body)).expect("send a request");
        let answer = reader.response().expect("read the answer").expect("an answer");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.start.0.starts_with('2'), "{service}: {start}: {text}");
        text
    }
}
