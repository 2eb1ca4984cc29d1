//! The limits and grants of one event's sandbox.
//!
//! A policy is data. It comes from [`crate::policy::manifest`] (or is the default, which grants nothing), is
//! chosen by [`crate::dispatch::router`], and is enforced by the owner of each resource: memory by
//! [`crate::capabilities::limits`], time by [`crate::engine::watchdog`], log output by
//! [`crate::capabilities::console`], files by [`crate::capabilities::files`], requests by
//! [`crate::capabilities::outbound`], key-value stores by [`crate::capabilities::key_value`].
//!
//! The room also owns `bulkhead.toml` ([`manifest`]), the place of a tenant's id in an event ([`Pointer`]), where an
//! event goes ([`Route`]), and where environment variables come from ([`Vars`]).
//!
//! May use: text, http1.

mod allowed_host;
mod aws_host;
mod credential;
pub mod manifest;
pub mod network;
pub(crate) mod pointer;
mod public_key;
mod route;
pub mod script_file;
mod vars;

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use allowed_host::{AllowedHost, AllowedHostError, HostError};
pub use aws_host::{is_of_aws, service_and_region};
pub use credential::{
    Authentication, AwsSigning, Basic, Credential, Part, Role, Secret, SecretParts, SecretSource, Template,
};
use ipnet::IpNet;
pub use pointer::{Pointer, PointerError};
pub use public_key::{KeyKind, PublicKey, PublicKeyError};
pub use route::{Owner, RecordInUse, Route};
use serde::{Deserialize, Serialize};
pub use vars::{ProcessVars, Vars};

/// The largest response that Lambda accepts, in bytes (R3.2: 6 MiB and 100 bytes).
pub const MAX_RESPONSE: usize = 6 * 1024 * 1024 + 100;

/// The largest response that Lambda streams, in bytes (S7.9: 200 MB).
pub const MAX_STREAMED_RESPONSE: usize = 200 * 1024 * 1024;

/// The most events at a time. Lambda's own defaults are 8 to 64 for each processor (L8.2); the address space
/// of a process has room for this many sandboxes and some more.
pub const MOST_CONCURRENCY: u32 = 1000;

/// The limits and grants of one sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// The name of its handler in `bulkhead.toml`, or that of its file.
    pub handler: Arc<str>,
    /// The table of `bulkhead.toml` to which a grant would be added, such as `handlers.hello.grants`.
    pub table: String,
    /// What it may use.
    pub limits: Limits,
    /// What it may reach.
    pub grants: Grants,
    /// `config`: what `wasi:config` gives it.
    pub config: BTreeMap<String, String>,
    /// `reuse`: the number of events of one tenant that it may have, one after the other; 1 unless the
    /// handler sets more.
    pub events: NonZeroU32,
    /// `other_events`: how an HTTP service gets an event that is not an HTTP event.
    pub other_events: OtherEvents,
    /// `invoke_mode`: how the response of an HTTP service is sent.
    pub invoke_mode: InvokeMode,
}

/// How the response of an HTTP service is sent. A runtime cannot see what the function URL or the API expects
/// (S7.8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvokeMode {
    /// As a whole, in JSON.
    #[default]
    Buffered,
    /// Streamed.
    ResponseStream,
}

/// The treatment of an event that is not an HTTP event, if the handler is an HTTP service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherEvents {
    /// The event fails.
    #[default]
    Reject,
    /// The event is the body of a `POST /events`.
    Post,
}

impl Policy {
    /// The default limits and no grants.
    pub fn default_for(handler: &str) -> Self {
        Self {
            handler: handler.into(),
            table: format!("handlers.{handler}.grants"),
            limits: Limits::default(),
            grants: Grants::default(),
            config: BTreeMap::new(),
            events: NonZeroU32::MIN,
            other_events: OtherEvents::default(),
            invoke_mode: InvokeMode::default(),
        }
    }

    /// The table of `bulkhead.toml` of the handler or tenant itself, such as `handlers.hello`.
    pub fn owner(&self) -> &str {
        self.table.strip_suffix(".grants").unwrap_or(&self.table)
    }
}

/// The limits of one sandbox. Each has a key of this name in `bulkhead.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Limits {
    /// All memories and tables of the sandbox together, in bytes.
    pub memory: usize,
    /// Entries of all its tables together.
    pub table_entries: usize,
    /// Core instances; a component of several modules has one for each.
    pub instances: usize,
    /// The time from the event to the answer. Lambda's deadline applies as well.
    pub wall_time: Duration,
    /// The processor time; waiting does not count.
    pub cpu_time: Duration,
    /// The largest response, in bytes.
    pub response: usize,
    /// The largest response that is streamed, in bytes.
    pub streamed_response: usize,
    /// The output of the handler, in bytes.
    pub logs: usize,
    /// Bytes that the handler may pass to the host in one call, including its response.
    pub hostcall: usize,
    /// Resources that the handler may hold at a time, such as streams and pollables. The host keeps up to
    /// about 100 KiB for each, so this limits the host's memory for a handler, in addition to the handler's
    /// own memory.
    pub handles: usize,
    /// Random bytes that the handler may get.
    pub random: u64,
    /// Outbound requests, including denied ones.
    pub outbound_requests: u32,
    /// All bytes of the connections of outbound requests, in both directions.
    pub outbound_bytes: u64,
    /// Operations on key-value stores, including denied ones.
    pub key_value_operations: u32,
    /// The keys and values that it passes to key-value stores and gets from them, in bytes.
    pub key_value_bytes: u64,
    /// Events of one tenant that are handled at the same time in one environment. `None`: a share that
    /// depends on how many that environment handles in all; see [`crate::dispatch::concurrency`].
    pub concurrency: Option<NonZeroU16>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 128 * 1024 * 1024,
            table_entries: 100_000,
            instances: 40,
            wall_time: Duration::from_secs(5),
            cpu_time: Duration::from_secs(1),
            response: MAX_RESPONSE,
            streamed_response: MAX_STREAMED_RESPONSE,
            logs: 64 * 1024,
            hostcall: 16 * 1024 * 1024,
            handles: 1_000,
            random: 1024 * 1024,
            outbound_requests: 32,
            outbound_bytes: 16 * 1024 * 1024,
            key_value_operations: 100,
            key_value_bytes: 16 * 1024 * 1024,
            concurrency: None,
        }
    }
}

/// The grants of one sandbox. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Grants {
    /// `environment`, and after [`crate::policy::manifest::Manifest::inherit`] the inherited variables too.
    pub environment: BTreeMap<String, String>,
    /// `inherit_environment`: names of variables of the process.
    pub inherit_environment: BTreeSet<String>,
    /// `files`: directories of the task root, readable at the same path below `/`.
    pub files: BTreeSet<PathBuf>,
    /// `tmp`: the size of a private `/tmp` in bytes; 0 for none.
    pub tmp: usize,
    /// `allowed_outbound_hosts`.
    pub allowed_outbound_hosts: Vec<AllowedHost>,
    /// `allowed_private_networks`: networks that are otherwise denied, even if every host is allowed.
    pub allowed_private_networks: Vec<IpNet>,
    /// `key_value`: names of key-value stores.
    pub key_value: BTreeSet<String>,
    /// `credentials`: the host uses them for the sandbox, which never has them itself.
    pub credentials: Vec<Arc<Credential>>,
}

/// A limit by name, for receipts and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::memory`]
    Memory,
    /// [`Limits::table_entries`]
    TableEntries,
    /// [`Limits::instances`]
    Instances,
    /// [`Limits::wall_time`]
    WallTime,
    /// [`Limits::cpu_time`]
    CpuTime,
    /// [`Limits::response`]
    Response,
    /// [`Limits::streamed_response`]
    StreamedResponse,
    /// [`Limits::logs`]
    Logs,
    /// [`Limits::hostcall`]
    Hostcall,
    /// [`Limits::handles`]
    Handles,
    /// [`Limits::random`]
    Random,
    /// [`Limits::outbound_requests`]
    OutboundRequests,
    /// [`Limits::outbound_bytes`]
    OutboundBytes,
    /// [`Limits::key_value_operations`]
    KeyValueOperations,
    /// [`Limits::key_value_bytes`]
    KeyValueBytes,
    /// [`Limits::concurrency`]
    Concurrency,
    /// [`Grants::tmp`]
    Tmp,
}

impl Limit {
    /// Its key in `bulkhead.toml`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::TableEntries => "table_entries",
            Self::Instances => "instances",
            Self::WallTime => "wall_time",
            Self::CpuTime => "cpu_time",
            Self::Response => "response",
            Self::StreamedResponse => "streamed_response",
            Self::Logs => "logs",
            Self::Hostcall => "hostcall",
            Self::Handles => "handles",
            Self::Random => "random",
            Self::OutboundRequests => "outbound_requests",
            Self::OutboundBytes => "outbound_bytes",
            Self::KeyValueOperations => "key_value_operations",
            Self::KeyValueBytes => "key_value_bytes",
            Self::Concurrency => "concurrency",
            Self::Tmp => "tmp",
        }
    }
}
