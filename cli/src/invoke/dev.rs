//! Events for a running `bulkhead dev`: sent through Lambda's Invoke API, and reported from the records that
//! it keeps.

mod address;
mod connection;

use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bulkhead_host::config::StoreSettings;
use bulkhead_host::dispatch::receipt::Receipt;
use bulkhead_host::policy::manifest::Manifest;
use bulkhead_host::policy::manifest::store::StoreUrl;
use bulkhead_host::text::printable::{self, line};
use bulkhead_host::tls::ExtraRoots;
use hyper::Request;
use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::local::{Answer, Event};
use crate::suggest;
pub(super) use address::Address;
use connection::Connection;

use super::report::{Limits, Seen};

/// One function of a running `bulkhead dev`.
#[derive(Debug)]
pub(super) struct Function {
    connection: Connection,
    name: String,
    status: Status,
}

/// The status of a running `bulkhead dev`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    functions: Vec<String>,
    problem: Option<String>,
    /// The text of the `bulkhead.toml` in force.
    manifest: Option<String>,
    /// The URL of the store, if it is not the one in that text.
    store_url: Option<String>,
    timeout_ms: u64,
}

/// The record of an event.
#[derive(Debug, Deserialize)]
struct Record {
    outcome: Option<String>,
    log: Vec<String>,
    receipt: Option<Receipt>,
    parts: Vec<Receipt>,
}

/// The error that the Invoke API returns if no handler was reached.
#[derive(Debug, Deserialize)]
struct Refused {
    message: String,
}

impl Function {
    /// Finds the function of this name, or the only one.
    pub(super) async fn find(address: &Address, name: Option<&str>) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address).await?;
        let (head, body) = connection.get("/.bulkhead/status").await?;
        let status = head.status.is_success().then(|| serde_json::from_slice::<Status>(&body).ok()).flatten();
        let status = status.with_context(|| {
            format!("the server on {address} is not a `bulkhead dev` of this version; pass its address with --dev=URL")
        })?;
        let name = status.choose(name).with_context(|| format!("`bulkhead dev` on {address}"))?;
        Ok(Self { connection, name, status })
    }

    /// The limits of its events.
    pub(super) fn limits(&self) -> Limits {
        let manifest = self.status.manifest.as_deref().and_then(|text| Manifest::parse(text).ok());
        let mut manifest = manifest.unwrap_or_default();
        let url = self.status.store_url.as_deref().and_then(|url| StoreUrl::parse(url).ok());
        let store = StoreSettings { url, refresh: None };
        manifest.store.iter_mut().for_each(|settings| store.apply(settings));
        // Of the other process, only the text of its manifest is known.
        Limits::new(manifest, ExtraRoots::default(), Duration::from_millis(self.status.timeout_ms))
    }

    /// Sends an event, and adds the findings to the report.
    pub(super) async fn invoke(&mut self, event: &Event, seen: &mut Seen) -> anyhow::Result<Answer> {
        let (head, body) = self.connection.send(self.request(event)?).await?;
        if !head.status.is_success() {
            match serde_json::from_slice::<Refused>(&body) {
                Ok(refused) => {
                    bail!("the event was rejected with {}: {}", head.status, line(&refused.message))
                }
                Err(_) => bail!("the event was rejected with {}", head.status),
            }
        }
        let request_id = head.headers.get("x-amzn-requestid").and_then(|id| id.to_str().ok());
        let request_id = request_id.context("the response has no request id")?;
        let record = self.record(request_id).await?;
        seen.log.extend(record.log);
        let whole = record.receipt.filter(|_| record.parts.is_empty());
        seen.receipts.extend(record.parts.into_iter().chain(whole));
        if !head.headers.contains_key("x-amz-function-error") {
            return Ok(Answer::Replied(body));
        }
        Ok(Answer::Failed { body, error_type: record.outcome.unwrap_or_else(|| "Unhandled".to_owned()) })
    }

    fn request(&self, event: &Event) -> anyhow::Result<Request<connection::Payload>> {
        let name = percent_encoding::utf8_percent_encode(&self.name, percent_encoding::NON_ALPHANUMERIC);
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let mut request = Request::post(path).body(event.body.clone().into())?;
        if let Some(tenant_id) = &event.tenant_id {
            request.headers_mut().insert(HeaderName::from_static("x-amz-tenant-id"), tenant_id.clone());
        }
        if let Some(context) = &event.client_context {
            let encoded = HeaderValue::try_from(BASE64_STANDARD.encode(context.as_bytes()))?;
            request.headers_mut().insert(HeaderName::from_static("x-amz-client-context"), encoded);
        }
        Ok(request)
    }

    async fn record(&mut self, request_id: &str) -> anyhow::Result<Record> {
        let (head, body) = self.connection.get(&format!("/.bulkhead/events/{request_id}?wait")).await?;
        anyhow::ensure!(
            head.status.is_success(),
            "`bulkhead dev` no longer has a record of the event {request_id}"
        );
        serde_json::from_slice(&body)
            .with_context(|| format!("the record of the event {request_id} cannot be read"))
    }
}

impl Status {
    fn choose(&self, name: Option<&str>) -> anyhow::Result<String> {
        let all = printable::name(&self.functions.join(", ")).into_owned();
        match (name, self.functions.as_slice()) {
            (_, []) => match &self.problem {
                Some(problem) => bail!("no function can run yet:\n{problem}"),
                None => bail!("no function is ready yet; wait until `bulkhead dev` reports it"),
            },
            (Some(name), functions) if functions.iter().any(|known| known == name) => Ok(name.to_owned()),
            (Some(name), functions) => {
                let known: Vec<&str> = functions.iter().map(String::as_str).collect();
                bail!("{}", suggest::missing("function", name, &known))
            }
            (None, [only]) => Ok(only.clone()),
            (None, _) => bail!("several functions are running; name one of: {all}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(functions: &[&str], problem: Option<&str>, name: Option<&str>) -> Result<String, String> {
        let functions = functions.iter().map(|&name| name.to_owned()).collect();
        let problem = problem.map(str::to_owned);
        let status = Status { functions, problem, manifest: None, store_url: None, timeout_ms: 3000 };
        status.choose(name).map_err(|error| error.to_string())
    }

    #[test]
    fn a_function_is_named_or_the_only_one() {
        assert_eq!(chosen(&["a"], None, None).as_deref(), Ok("a"));
        assert_eq!(chosen(&["a", "b"], None, Some("b")).as_deref(), Ok("b"));
        assert!(chosen(&["a", "b"], None, None).unwrap_err().ends_with("name one of: a, b"));
        assert!(chosen(&["a", "b"], None, Some("xyz")).unwrap_err().ends_with("the functions are a and b"));
        assert!(chosen(&[], Some("it is broken"), Some("a")).unwrap_err().ends_with("it is broken"));
        assert!(chosen(&[], None, None).unwrap_err().contains("ready"));
    }
}
