//! Scripts on the engine as a native program, with a host that the tests make up.

use bulkhead::bindings::lambda::bulkhead::lambda::types;

use crate::engine::Engine;
use crate::failure::Failure;
use crate::platform::{self, File};

mod bodies;
mod errors;
mod globals;
mod hostile;
mod json;
mod language;
mod loading;
mod log;
mod modules;
mod requests;
mod services;
mod streams;
mod turns;
mod urls;
mod web;

/// A context of an event.
pub(crate) fn context() -> types::Context {
    types::Context {
        request_id: "r-1".to_owned(),
        invoked_function_arn: "arn:aws:lambda:eu-central-1:123456789012:function:notes".to_owned(),
        deadline_ms: 1_700_000_003_000,
        tenant_id: Some("acme".to_owned()),
        trace: types::TraceContext { xray: None, traceparent: None, tracestate: None, baggage: None },
        client_context: None,
        identity: None,
        function: types::FunctionSettings {
            name: "notes".to_owned(),
            version: "7".to_owned(),
            log_group: "group".to_owned(),
            log_stream: "stream".to_owned(),
            memory_mb: 128,
        },
    }
}

/// Puts the files of a script into this thread's host; the first one has the handler.
pub(crate) fn script(files: &[(&str, &str)]) {
    platform::with(|host| {
        host.files.clear();
        host.entry = files.first().map(|(path, _)| (*path).to_owned()).unwrap_or_default();
        for (path, content) in files {
            let file = File { content: content.as_bytes().to_vec(), bytecode: None };
            host.files.insert((*path).to_owned(), file);
        }
    });
}

/// Answers an event with a script of these files.
pub(crate) fn answer(files: &[(&str, &str)], event: &str) -> Result<String, Failure> {
    script(files);
    let engine = Engine::new()?;
    let answer = engine.handle(event.as_bytes(), context())?;
    Ok(String::from_utf8(answer).unwrap())
}

/// The answer of a script of these files, or its error in a form that can be compared.
pub(crate) fn run_files(files: &[(&str, &str)], event: &str) -> String {
    answer(files, event).unwrap_or_else(|failure| {
        let frames = failure.stack_trace.iter().map(|frame| format!(" | {frame}"));
        format!("{}: {}{}", failure.error_type, failure.error_message, frames.collect::<String>())
    })
}

/// The same of a script of one file.
pub(crate) fn run(source: &str, event: &str) -> String {
    run_files(&[("index.js", source)], event)
}

/// What the script has logged.
pub(crate) fn printed() -> Vec<String> {
    platform::with(|host| std::mem::take(&mut host.printed))
}
