//! `bulkhead invoke`: sends one or many events to a bootstrap that it starts itself, or to a running
//! `bulkhead dev`.

mod dev;
mod event;
mod handler;
mod print;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use bulkhead_host::policy::manifest::Manifest;
use bytes::Bytes;
use clap::Args;
use clap_complete::ArgValueCandidates;
use hyper::header::HeaderValue;

use crate::local::settings::Settings;
use crate::local::{self, Answer, Event, Local, LocalError};
use crate::number::whole;
use crate::{completions, json, output, samples, tenants};
use dev::Address;
use report::{Limits, Report, Seen};

/// Run a handler on this machine with the real bootstrap, and show its response and what it used.
///
/// The command starts a bootstrap for this, or sends the event to a running `bulkhead dev` (--dev).
///
/// The response, or the error as the caller would see it, goes to stdout: unchanged, except that a terminal
/// gets characters that cannot be printed in escaped form. The log and the receipt, which shows how much of
/// each limit was used, go to stderr. Exit code 0 means that every event was answered with a response.
///
/// Example: bulkhead invoke hello --event '{"name": "world"}'
#[derive(Debug, Args)]
pub(crate) struct Invoke {
    /// The value of _HANDLER: the name of a component, or of a handler in bulkhead.toml [default: the only
    /// one]
    #[arg(value_name = "HANDLER", add = ArgValueCandidates::new(completions::handlers))]
    handler: Option<String>,
    /// The event: JSON, @FILE, or @- for stdin
    #[arg(long, short, value_name = "JSON", default_value = "{}")]
    event: event::Argument,
    /// A sample event of an AWS service in place of your own, by name, such as sqs-event or apigw-request
    #[arg(long, short, value_name = "NAME", conflicts_with = "event", value_parser = samples::parse, add = ArgValueCandidates::new(completions::samples))]
    sample: Option<&'static str>,
    /// List the names of all sample events
    #[arg(long)]
    list_samples: bool,
    /// The tenant of the event, as Lambda's tenant id
    #[arg(long, value_name = "ID", value_parser = header, add = ArgValueCandidates::new(completions::tenants))]
    tenant: Option<HeaderValue>,
    /// The client context: a JSON object
    #[arg(long, value_name = "JSON", value_parser = client_context)]
    client_context: Option<HeaderValue>,
    /// How many times to send the event, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<u32>(1..=1_000_000, 100))]
    times: u32,
    /// Send the event to the function HANDLER of a running `bulkhead dev`: at http://127.0.0.1:9000, or at
    /// =URL or =PORT
    #[arg(
        long,
        value_name = "URL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "9000",
        conflicts_with_all = ["root", "bootstrap", "timeout", "memory", "env_var"],
    )]
    dev: Option<Address>,
    /// The folder with the components and bulkhead.toml [default: target/bulkhead if it exists, or .]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// Print one JSON object: response, receipt, limits and log
    #[arg(long)]
    json: bool,
}

impl Invoke {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.list_samples {
            output::print(samples::names().join("\n") + "\n")?;
            return Ok(ExitCode::SUCCESS);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let report = runtime.block_on(self.report())?;
        if self.json {
            output::print_json(&report)?;
        } else {
            print::print(&report)?;
        }
        Ok(if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn report(&self) -> anyhow::Result<Report> {
        let event = Event {
            body: self.body()?,
            tenant_id: self.tenant.clone(),
            client_context: self.client_context.clone(),
            trace_id: None,
        };
        match &self.dev {
            Some(address) => self.by_dev(address, &event).await,
            None => self.by_ourselves(&event).await,
        }
    }

    async fn by_dev(&self, address: &Address, event: &Event) -> anyhow::Result<Report> {
        let mut function = dev::Function::find(address, self.handler.as_deref()).await?;
        let progress = output::Progress::start();
        let (mut answers, mut seen) = (Vec::new(), Seen::default());
        for number in 0..self.times {
            answers.push(function.invoke(event, &mut seen).await?);
            self.tell(&progress, number);
        }
        Ok(Report::new(answers, seen, &function.limits()))
    }

    async fn by_ourselves(&self, event: &Event) -> anyhow::Result<Report> {
        let task_root = local::task_root(self.root.clone())?;
        let manifest = Manifest::read(&task_root)?.unwrap_or_default();
        let handler = handler::choose(&task_root, &manifest, self.handler.as_deref())?;
        let roots = tenants::roots_of(&task_root, &manifest.extra_ca_certificates)?;
        let bootstrap = local::bootstrap(self.settings.bootstrap.clone())?;
        let function = self.settings.function(handler, task_root, bootstrap);
        let mut local = Local::start(&function).await?;
        let answers = self.answers(&mut local, event).await;
        let printed = local.end().await;
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => {
                print::log(&printed);
                return Err(error.into());
            }
        };
        Ok(Report::new(answers, Seen::read(&printed), &Limits::new(manifest, roots, function.timeout)))
    }

    fn body(&self) -> anyhow::Result<Bytes> {
        match self.sample {
            Some(sample) => Ok(Bytes::from_static(sample.as_bytes())),
            None => Ok(self.event.read()?.into()),
        }
    }

    async fn answers(&self, local: &mut Local, event: &Event) -> Result<Vec<Answer>, LocalError> {
        let progress = output::Progress::of("waiting for the answer");
        let mut answers = Vec::new();
        for number in 0..self.times {
            let answer = local.invoke(event.clone()).await?;
            let is_started = !matches!(answer, Answer::NotStarted { .. });
            answers.push(answer);
            if !is_started {
                break;
            }
            self.tell(&progress, number);
        }
        Ok(answers)
    }

    fn tell(&self, progress: &output::Progress, number: u32) {
        if number % 1000 == 999 {
            progress.tell(&format!("{} of {} events", number + 1, self.times));
        }
    }
}

/// Text that can be sent as a header.
fn header(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| "the value contains a control character".to_owned())
}

/// A JSON object that can be sent as a header.
fn client_context(text: &str) -> Result<HeaderValue, String> {
    const EXAMPLE: &str = r#"write a JSON object, such as '{"custom": {"key": "value"}}'"#;
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(_)) => header(text),
        Ok(value) => Err(format!("this is {}; {EXAMPLE}", json::kind(&value))),
        Err(error) => Err(format!("{}; {EXAMPLE}", json::mistake(text.as_bytes(), &error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_is_refused_before_anything_is_started() {
        assert!(header("acme").is_ok() && header("ümlaut").is_ok());
        assert!(header("a\r\nb").is_err());
        assert!(client_context(r#"{"custom":{}}"#).is_ok());
        assert!(
            client_context("[]").unwrap_err().starts_with("this is an array; write a JSON object, such as ")
        );
    }
}
