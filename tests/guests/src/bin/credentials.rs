//! Looks for credentials wherever a Lambda function has them, and answers with what it found.

use std::net::TcpStream;

#[bulkhead::handler]
fn credentials() -> Vec<String> {
    let variables = std::env::vars().map(|(name, _)| name);
    let files = ["/proc/self/environ", "/proc/1/environ", "/root/.aws/credentials", "/home/.aws/credentials"];
    let files = files.into_iter().filter(|file| std::fs::read(file).is_ok()).map(str::to_owned);
    let hosts = ["169.254.169.254:80", "169.254.170.2:80", "[fd00:ec2::254]:80", "127.0.0.1:9001"];
    let hosts = hosts.into_iter().filter(|host| TcpStream::connect(host).is_ok()).map(str::to_owned);
    variables.chain(std::env::args()).chain(files).chain(hosts).collect()
}

fn main() {}
