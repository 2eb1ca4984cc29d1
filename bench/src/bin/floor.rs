//! The floor: a loop over a socket that answers each event without any work. Its time is the cost of the
//! kernel, the connection and the server, which every runtime has to pay.
//!
//! It answers with the file `answer` in the task root, so that it sends as many bytes as the other programs,
//! or with the event if there is no such file.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context as _, Result};
use bulkhead_bench::wire::{Body, Inbox, find, invalid, send};

const NEXT: &[u8] = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[expect(clippy::disallowed_methods, reason = "it takes the place of a runtime")]
fn main() -> Result<()> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").context("AWS_LAMBDA_RUNTIME_API is not set")?;
    let root = PathBuf::from(std::env::var_os("LAMBDA_TASK_ROOT").unwrap_or_default());
    let answer = fs::read(root.join("answer")).ok();
    let loops =
        std::env::var("AWS_LAMBDA_MAX_CONCURRENCY").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    thread::scope(|scope| {
        for _ in 1..loops {
            scope.spawn(|| serve(&api, answer.as_deref()));
        }
        serve(&api, answer.as_deref())
    })?;
    Ok(())
}

fn serve(api: &str, answer: Option<&[u8]>) -> io::Result<()> {
    let stream = TcpStream::connect(api)?;
    stream.set_nodelay(true)?;
    let (mut inbox, mut head) = (Inbox::default(), String::new());
    loop {
        send(&stream, NEXT, b"")?;
        let Some((id, body)) = inbox.head(&stream, response)? else { return Ok(()) };
        let event = inbox.body(&stream, body)?;
        let answer = answer.unwrap_or(event);
        head.clear();
        head.push_str("POST /2018-06-01/runtime/invocation/");
        head.push_str(&id.unwrap_or_default());
        head.push_str("/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: ");
        head.push_str(&answer.len().to_string());
        head.push_str("\r\n\r\n");
        send(&stream, head.as_bytes(), answer)?;
        let Some((_, body)) = inbox.head(&stream, response)? else { return Ok(()) };
        inbox.body(&stream, body)?;
    }
}

type Response = (Option<String>, Body);

fn response(bytes: &[u8]) -> io::Result<Option<(usize, Response)>> {
    let mut slots = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut slots);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(|_| invalid("no response"))? else {
        return Ok(None);
    };
    let id = find(head.headers, "lambda-runtime-aws-request-id").map(String::from_utf8_lossy);
    Ok(Some((length, (id.map(String::from), Body::announced(head.headers)?))))
}
