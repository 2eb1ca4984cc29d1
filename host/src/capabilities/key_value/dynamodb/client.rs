//! Sends requests to DynamoDB, signed, and repeats those that it did not take.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::DynamoDbError;
use crate::aws::sigv4::{Signable, Signing, digest_of};
use crate::aws::{Client, ClientError, Clock, Provider, Reply, Request, suffix_of};
use crate::capabilities::key_value::backend::{Call, StoreError};
use crate::http1::Server;
use crate::policy::Vars;
use crate::policy::manifest::DynamoDb;
use crate::policy::manifest::store::region;
use crate::tls::ExtraRoots;

/// The attempts of one request.
const MAX_ATTEMPTS: u32 = 6;
/// The first pause, of which the others are multiples.
const PAUSE: Duration = Duration::from_millis(20);
/// The largest answer. One item has 400 KB, in base64; a list of keys has 1 MB.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;
/// What stands around the values in an answer.
const AROUND: u64 = 1024 * 1024;
/// The largest answer to BatchGetItem: 16 MB in base64.
const MAX_BATCH: u64 = 24 * 1024 * 1024;

/// A table of DynamoDB.
#[derive(Debug)]
pub(in crate::capabilities::key_value) struct Table {
    settings: DynamoDb,
    server: Server,
    region: Result<String, Option<&'static str>>,
    client: Client,
    credentials: Provider,
}

/// A request.
#[derive(Debug)]
pub(super) struct Ask {
    operation: &'static str,
    body: Value,
    repeat: Repeat,
    /// The largest answer.
    most: u64,
}

/// When a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// A second request changes nothing more.
    Always,
    /// Only if the server has said that it did nothing.
    IfRefused,
}

impl Ask {
    pub(super) fn new(operation: &'static str, body: Value, repeat: Repeat) -> Self {
        Self { operation, body, repeat, most: MAX_ANSWER }
    }

    /// For an answer with so many bytes of values.
    pub(super) fn at_most(self, bytes: u64) -> Self {
        Self { most: MAX_BATCH.min(bytes.saturating_mul(4) / 3 + AROUND), ..self }
    }
}

impl Table {
    /// A table, with the credentials and the region of the environment. Nothing is sent yet.
    pub(in crate::capabilities::key_value) fn new(
        settings: &DynamoDb,
        roots: ExtraRoots,
        clock: &Clock,
        vars: &impl Vars,
    ) -> Self {
        let named = settings.region.clone().map(Ok).or_else(|| {
            let name = vars.get("AWS_REGION").or_else(|| vars.get("AWS_DEFAULT_REGION"))?;
            Some(region(&name).map_err(Some))
        });
        // Other servers than AWS's need a name as well, whichever it is.
        let default = settings.endpoint.as_ref().map(|_| "us-east-1".to_owned());
        let region = named.unwrap_or_else(|| default.ok_or(None));
        let server = settings.endpoint.clone().unwrap_or_else(|| {
            let region = region.as_deref().unwrap_or_default();
            Server::https(format!("dynamodb.{region}.{}", suffix_of(region)))
        });
        let client = Client::new(roots).with_clock(clock.clone());
        let credentials = Provider::of_function(vars);
        Self { settings: settings.clone(), server, region, client, credentials }
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.table
    }

    pub(super) fn reads_consistently(&self) -> bool {
        self.settings.consistent_reads
    }

    /// Sends a request, until it is answered. What may not be done twice is not sent again, unless it was not done.
    pub(super) fn ask(&self, call: &Call, ask: &Ask) -> Result<Value, DynamoDbError> {
        let body = ask.body.to_string();
        let mut attempt = 0;
        loop {
            let error = match self.send(call, ask, &body) {
                Ok(Reply { status: 200, body, .. }) => {
                    return serde_json::from_slice(&body).map_err(|_| DynamoDbError::Answer);
                }
                Ok(Reply { status, body, .. }) => {
                    DynamoDbError::of(status, &serde_json::from_slice(&body).unwrap_or_default())
                }
                Err(error) => return Err(error),
            };
            let is_repeatable = ask.repeat == Repeat::Always || error.was_throttled();
            let may_pass = is_repeatable && matches!(error, DynamoDbError::Busy { .. });
            attempt += 1;
            if !may_pass || attempt >= MAX_ATTEMPTS || pause(call, attempt).is_err() {
                return Err(error);
            }
        }
    }

    /// Sends a request, and once more if the clock turns out to be wrong: nothing was done then (P1.16).
    fn send(&self, call: &Call, ask: &Ask, body: &str) -> Result<Reply, DynamoDbError> {
        let clock = self.client.clock();
        let signed = clock.now();
        let reply = self.send_at(call, ask, body, signed)?;
        match matches!(reply.status, 400 | 403) && clock.notice(reply.header("date"), signed) {
            true => self.send_at(call, ask, body, clock.now()),
            false => Ok(reply),
        }
    }

    fn send_at(&self, call: &Call, ask: &Ask, body: &str, now: SystemTime) -> Result<Reply, DynamoDbError> {
        let region = match &self.region {
            Ok(region) => region,
            Err(None) => return Err(DynamoDbError::NoRegion),
            Err(Some(why)) => return Err(DynamoDbError::Region(why)),
        };
        let credentials = self.credentials.get(&self.client, now)?;
        let (host, target) = (self.server.authority(), format!("DynamoDB_20120810.{}", ask.operation));
        let mut headers = vec![
            ("host", host.as_str()),
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target.as_str()),
        ];
        let signable = Signable {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: &digest_of(body.as_bytes()),
        };
        let signed =
            Signing { credentials: &credentials, region, service: "dynamodb", now }.headers(&signable);
        headers.remove(0);
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let reply = self.client.send(&Request {
            server: &self.server,
            method: "POST",
            target: "/",
            headers: &headers,
            body: body.as_bytes(),
            most: ask.most,
            time: call.until.saturating_duration_since(Instant::now()),
            is_repeatable: ask.repeat == Repeat::Always,
        });
        Ok(reply?)
    }
}

/// Waits before the next attempt, longer each time; unless there is no time for it, or the event is over.
pub(super) fn pause(call: &Call, attempt: u32) -> Result<(), StoreError> {
    call.check()?;
    let pause = PAUSE * 2_u32.saturating_pow(attempt.min(5));
    if Instant::now() + pause >= call.until {
        return Err(DynamoDbError::Client(ClientError::TimedOut).into());
    }
    thread::sleep(pause);
    call.check()
}
