//! Mallory's handler: tries to get at Alice, at the platform, and at the process, as the event says.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Attack {
    /// The role's credentials are in the environment of every Lambda function.
    Credentials,
    /// Whoever speaks to the Runtime API answers other tenants' events.
    RuntimeApi,
    /// What an event left in `/tmp` is there for the next one, in a function without Bulkhead.
    Files,
    EndlessLoop,
    MemoryBomb,
}

#[expect(clippy::infinite_loop, reason = "it is an attack")]
#[bulkhead::handler]
fn mallory(attack: Attack) -> BTreeMap<String, String> {
    match attack {
        Attack::Credentials => std::env::vars().collect(),
        Attack::RuntimeApi => ["127.0.0.1:9001", "169.254.169.254:80"].map(connect).into(),
        Attack::Files => ["/tmp", "/var/task", "/proc/self/environ"].map(look).into(),
        Attack::EndlessLoop => loop {
            std::hint::black_box(());
        },
        Attack::MemoryBomb => {
            let bomb = std::hint::black_box(vec![1_u8; 1 << 30]);
            [("memory".to_owned(), format!("{} bytes", bomb.len()))].into()
        }
    }
}

fn connect(address: &str) -> (String, String) {
    (address.to_owned(), told(TcpStream::connect(address).map(|_| ())))
}

fn look(path: &str) -> (String, String) {
    (path.to_owned(), told(fs::metadata(path).map(|_| ())))
}

fn told(result: std::io::Result<()>) -> String {
    result.map_or_else(|error| format!("{:?}", error.kind()), |()| "reached".to_owned())
}

fn main() {}
