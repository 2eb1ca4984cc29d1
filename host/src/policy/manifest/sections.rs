//! Reads each table of `bulkhead.toml` by itself. [`super::resolve`] checks the rules between tables.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::header::HeaderName;

use super::amounts::{self, LIMITS, LimitsSection};
use super::credentials::{self, Credentials};
use super::document::{Entry, Spanned, Table, did_you_mean};
use super::grants::{self, GrantsSection};
use super::key_value::{self, KeyValueStore};
use super::store::{self, StoreSection};
use super::{Build, InvalidHandler, MixedBatches, Receipts, TenantSource, build, place, scripts};
use crate::policy::{InvokeMode, OtherEvents};

/// The keys of the file, and those of each table except limits and grants.
pub(super) const ROOT: [&str; 11] = [
    "routing",
    "limits",
    "handlers",
    "tenants",
    "stores",
    "store",
    "credentials",
    "secrets",
    "receipts",
    "outbound",
    "build",
];
pub(super) const ROUTING: [&str; 4] = ["tenant", "unknown_tenant", "mixed_batches", "invalid_handler"];
pub(super) const TENANT_SOURCE: [&str; 2] = ["pointer", "header"];
pub(super) const RECEIPTS: [&str; 2] = ["format", "namespace"];
pub(super) const OUTBOUND: [&str; 1] = ["extra_ca_certificates"];
pub(super) const HANDLER: [&str; 9] =
    ["source", "digest", "limits", "grants", "config", "max", "reuse", "other_events", "invoke_mode"];
pub(super) const REUSE: [&str; 1] = ["events"];
pub(super) const MAX: [&str; 2] = ["limits", "grants"];
/// What a tenant of a store asks for.
pub(super) const SETTINGS: [&str; 6] = ["limits", "grants", "config", "reuse", "other_events", "invoke_mode"];
pub(super) const TENANT: [&str; 5] = ["handler", "script", "limits", "grants", "config"];

const NAMESPACE: &str = "Bulkhead";

/// A table of grants.
pub(super) const GRANTS: &str = "{ allowed_outbound_hosts = [\"https://api.example.com\"] }";

/// The content of the file, before its parts are compared.
#[derive(Debug)]
pub(super) struct Sections {
    pub(super) routing: SaidRouting,
    pub(super) limits: LimitsSection,
    pub(super) handlers: Vec<HandlerSection>,
    pub(super) tenants: Vec<TenantSection>,
    pub(super) stores: Vec<KeyValueStore>,
    pub(super) store: Option<StoreSection>,
    pub(super) credentials: Credentials,
    pub(super) receipts: Receipts,
    pub(super) extra_ca_certificates: Vec<PathBuf>,
    pub(super) build: Option<Build>,
}

#[derive(Debug, Default)]
pub(super) struct SaidRouting {
    pub(super) tenant: TenantSource,
    /// The name of a handler; `None` is `reject`.
    pub(super) unknown_tenant: Option<Spanned<String>>,
    pub(super) mixed_batches: MixedBatches,
    pub(super) invalid_handler: InvalidHandler,
}

#[derive(Debug)]
pub(super) struct HandlerSection {
    pub(super) name: String,
    /// The component: that of the engine, if the source is a script.
    pub(super) source: PathBuf,
    pub(super) script: Option<Spanned<Arc<Path>>>,
    pub(super) digest: Option<String>,
    pub(super) limits: LimitsSection,
    pub(super) grants: GrantsSection<(String, String)>,
    pub(super) config: BTreeMap<String, String>,
    pub(super) max_limits: LimitsSection,
    pub(super) max_grants: GrantsSection<String>,
    /// `reuse.events`
    pub(super) events: NonZeroU32,
    pub(super) other_events: OtherEvents,
    pub(super) invoke_mode: InvokeMode,
}

#[derive(Debug)]
pub(super) struct TenantSection {
    pub(super) id: Spanned<String>,
    pub(super) handler: Option<Spanned<String>>,
    pub(super) script: Option<Spanned<Arc<Path>>>,
    /// `None` if it has its handler's policy, as most have where there are many.
    pub(super) own: Option<Box<OwnSection>>,
}

/// What a tenant has instead of the policy of its handler.
#[derive(Debug)]
pub(super) struct OwnSection {
    pub(super) limits: LimitsSection,
    pub(super) grants: Option<GrantsSection<(String, String)>>,
    pub(super) config: BTreeMap<String, String>,
}

impl TenantSection {
    pub(super) fn grants(&self) -> Option<&GrantsSection<(String, String)>> {
        self.own.as_ref()?.grants.as_ref()
    }
}

/// Reads every table.
pub(super) fn sections(root: &Table<'_>) -> Sections {
    root.only(&ROOT, |key| {
        (key == "grants").then(|| "grants belong to a handler: [handlers.NAME.grants]".to_owned())
    });
    Sections {
        routing: root
            .table("routing", "{ tenant = \"lambda\" }")
            .map(|table| routing(&table))
            .unwrap_or_default(),
        limits: limits(root),
        handlers: root
            .table("handlers", "{ hello = { source = \"hello.wasm\" } }")
            .iter()
            .flat_map(Table::entries)
            .filter_map(|entry| handler(&entry))
            .collect(),
        tenants: root
            .table("tenants", "{ acme = { handler = \"hello\" } }")
            .iter()
            .flat_map(Table::entries)
            .filter_map(|entry| tenant(&entry))
            .collect(),
        stores: key_value::stores(root),
        store: root.entry("store").and_then(|entry| store::section(&entry)),
        credentials: credentials::credentials(root),
        receipts: root
            .table("receipts", "{ format = \"json\" }")
            .map(|table| receipts(&table))
            .unwrap_or_default(),
        extra_ca_certificates: root
            .table("outbound", "{ extra_ca_certificates = [\"certs/ca.pem\"] }")
            .map(|table| extra_ca_certificates(&table))
            .unwrap_or_default(),
        build: root.entry("build").and_then(|entry| build::build(&entry)),
    }
}

/// The limits in a table, which may have none.
pub(super) fn limits(table: &Table<'_>) -> LimitsSection {
    table.table("limits", "{ memory = \"128MiB\" }").map(|table| amounts::limits(&table)).unwrap_or_default()
}

/// The place of a key that was written one table too high in a handler or tenant.
pub(super) fn belongs(key: &str) -> Option<String> {
    let limit = LIMITS.iter().any(|amount| amount.limit.key() == key).then_some("limits");
    let grant = grants::KEYS.contains(&key).then_some("grants");
    let table = limit.or(grant).map(|table| format!("`{key}` belongs under `{table}`"));
    let limit = || amounts::known_elsewhere(key).map(|meant| format!("did you mean `limits.{meant}`?"));
    let grant = || grants::known_elsewhere(key).map(|meant| format!("did you mean `grants.{meant}`?"));
    table.or_else(limit).or_else(grant)
}

fn routing(table: &Table<'_>) -> SaidRouting {
    table.only(&ROUTING, |_| None);
    let mixed_batches = [("reject", MixedBatches::Reject), ("split", MixedBatches::Split)];
    let invalid_handler =
        [("fail_init", InvalidHandler::FailInit), ("fail_events", InvalidHandler::FailEvents)];
    let unknown_tenant = table.entry("unknown_tenant").and_then(|entry| {
        let value = entry.string("\"reject\" or the name of a handler")?.to_owned();
        Some(Spanned { value, line: entry.line })
    });
    SaidRouting {
        tenant: table.entry("tenant").and_then(|entry| tenant_source(&entry)).unwrap_or_default(),
        unknown_tenant: unknown_tenant.filter(|spanned| spanned.value != "reject"),
        mixed_batches: table
            .entry("mixed_batches")
            .and_then(|entry| entry.one_of(&mixed_batches))
            .unwrap_or_default(),
        invalid_handler: table
            .entry("invalid_handler")
            .and_then(|entry| entry.one_of(&invalid_handler))
            .unwrap_or_default(),
    }
}

fn tenant_source(entry: &Entry<'_>) -> Option<TenantSource> {
    let expected = "\"lambda\", { pointer = \"/detail/tenant\" } or { header = \"X-Tenant\" }";
    if let Some(word) = entry.as_string().filter(|word| *word != "lambda") {
        entry.mistake(format!("this is {word:?}; expected {expected}"));
        return None;
    }
    if !entry.is_table() {
        return entry.as_string().map_or_else(|| entry.expected(expected), |_| Some(TenantSource::Lambda));
    }
    let table = entry.table("{ pointer = \"/detail/tenant\" }")?;
    table.only(&TENANT_SOURCE, |_| None);
    match (table.entry("pointer"), table.entry("header")) {
        (Some(entry), None) => {
            let pointer = entry.string("a JSON pointer, such as \"/detail/tenant\"")?.parse();
            entry.understood(pointer).map(|spanned| TenantSource::Pointer(spanned.value))
        }
        (None, Some(entry)) => {
            let name = entry.string("the name of a header")?;
            let header = HeaderName::from_bytes(name.as_bytes());
            let header = header.map_err(|_| format!("{name:?} is not a valid header name"));
            entry.understood(header).map(|spanned| TenantSource::Header(spanned.value.as_str().to_owned()))
        }
        (None, None) | (Some(_), Some(_)) => {
            entry.mistake(format!("exactly one source is required; expected {expected}"));
            None
        }
    }
}

fn receipts(table: &Table<'_>) -> Receipts {
    table.only(&RECEIPTS, |_| None);
    let emf = Receipts::Emf { namespace: NAMESPACE.to_owned() };
    let formats = [("json", Receipts::Json), ("emf", emf), ("off", Receipts::Off)];
    let format = table.entry("format").map_or(Some(Receipts::Json), |entry| entry.one_of(&formats));
    match (format, table.entry("namespace")) {
        (Some(Receipts::Emf { .. }), Some(entry)) => {
            let name = entry.string("the name of a CloudWatch namespace");
            let namespace = name.and_then(|name| entry.understood(namespace(name)));
            namespace.map_or(Receipts::Off, |namespace| Receipts::Emf { namespace: namespace.value })
        }
        (Some(Receipts::Json | Receipts::Off), Some(entry)) => {
            entry.mistake(
                "a namespace requires embedded metrics; set format = \"emf\", or leave out the namespace",
            );
            Receipts::Off
        }
        (format, _) => format.unwrap_or_default(),
    }
}

fn namespace(name: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_alphanumeric() || " .-_/#:".contains(c);
    if name.trim().is_empty() || name.len() > 255 || !name.chars().all(known) || name.starts_with("AWS/") {
        return Err(format!(
            "{name:?} is not a valid CloudWatch namespace; expected up to 255 letters, digits, spaces and . \
             - _ / # :, not starting with AWS/"
        ));
    }
    Ok(name.to_owned())
}

fn extra_ca_certificates(table: &Table<'_>) -> Vec<PathBuf> {
    table.only(&OUTBOUND, |_| None);
    let entry = table.entry("extra_ca_certificates");
    let files = entry.and_then(|entry| {
        grants::list(&entry, "an array of files, such as [\"certs/ca.pem\"]", place::place)
    });
    files.into_iter().flatten().map(|spanned| spanned.value).collect()
}

fn handler(entry: &Entry<'_>) -> Option<HandlerSection> {
    // A handler with an invalid name is kept, so that its tenants are not reported as well.
    entry.understood(handler_name(entry.key));
    let table = entry.table("{ source = \"hello.wasm\" }")?;
    table.only(&HANDLER, belongs);
    let max = table.table("max", "{ limits = { memory = \"256MiB\" } }");
    if let Some(max) = &max {
        max.only(&MAX, belongs);
    }
    let (source, script) = scripts::source(&table, entry.key);
    let digest = table
        .entry("digest")
        .and_then(|entry| entry.understood(digest(entry.string("a string, \"sha256:…\"")?)));
    let events = table.entry("reuse").and_then(|entry| reuse(&entry));
    let (other_events, invoke_mode) = service(&table);
    Some(HandlerSection {
        events: events.unwrap_or(NonZeroU32::MIN),
        other_events: other_events.unwrap_or_default(),
        invoke_mode: invoke_mode.unwrap_or_default(),
        name: entry.key.to_owned(),
        source,
        script,
        digest: digest.map(|spanned| spanned.value),
        limits: limits(&table),
        grants: table.table("grants", GRANTS).map(|table| grants::grants(&table)).unwrap_or_default(),
        config: key_value::config(&table),
        max_limits: max.as_ref().map(limits).unwrap_or_default(),
        max_grants: max
            .as_ref()
            .and_then(|max| max.table("grants", "{ tmp = \"16MiB\" }"))
            .map(|table| grants::most(&table))
            .unwrap_or_default(),
    })
}

/// What a table says of HTTP services: `other_events` and `invoke_mode`.
pub(super) fn service(table: &Table<'_>) -> (Option<OtherEvents>, Option<InvokeMode>) {
    let other_events = [("reject", OtherEvents::Reject), ("post", OtherEvents::Post)];
    // AWS's own words for a function URL.
    let invoke_mode = [("buffered", InvokeMode::Buffered), ("response_stream", InvokeMode::ResponseStream)];
    (
        table.entry("other_events").and_then(|entry| entry.one_of(&other_events)),
        table.entry("invoke_mode").and_then(|entry| entry.one_of(&invoke_mode)),
    )
}

/// The number of events that one sandbox may have.
pub(super) fn reuse(entry: &Entry<'_>) -> Option<NonZeroU32> {
    const EXPECTED: &str = "a whole number of events, from 1 to 4294967295";
    let table = entry.table("{ events = 100 }")?;
    table.only(&REUSE, |_| None);
    let Some(entry) = table.entry("events") else {
        entry.mistake("the key events is missing; expected { events = 100 }, for example");
        return None;
    };
    let Some(number) = entry.as_integer() else { return entry.expected(EXPECTED) };
    let events = u32::try_from(number).ok().and_then(NonZeroU32::new);
    if events.is_none() {
        entry.mistake(format!("{number} is out of range; expected {EXPECTED}"));
    }
    events
}

/// The name of a handler, a secret or a credential.
pub(super) fn name(name: &str) -> Result<(), &'static str> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match (1..=64).contains(&name.len()) && name.bytes().all(known) {
        true => Ok(()),
        false => Err("expected a name of 1 to 64 letters, digits and - _ ."),
    }
}

fn handler_name(handler: &str) -> Result<(), &'static str> {
    match handler {
        "reject" => Err(
            "a handler cannot be called reject, because routing.unknown_tenant gives this word another meaning",
        ),
        _ => name(handler),
    }
}

fn digest(text: &str) -> Result<String, String> {
    let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64);
    hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(|hex| format!("sha256:{}", hex.to_ascii_lowercase()))
        .ok_or_else(|| format!("{text:?} is not a valid digest; expected sha256: and 64 hexadecimal digits"))
}

fn tenant(entry: &Entry<'_>) -> Option<TenantSection> {
    let id = tenant_id(entry.key);
    let table = entry.table("{ handler = \"hello\" }")?;
    table.only(&TENANT, |key| match key {
        "max" => Some("the bounds of tenants belong to their handler: [handlers.NAME.max]".to_owned()),
        _ => belongs(key).or_else(|| did_you_mean(key, &TENANT)),
    });
    let has_own = ["limits", "grants", "config"].iter().any(|key| table.entry(key).is_some());
    let own = has_own.then(|| own_section(&table)).flatten();
    let script = scripts::of_tenant(&table);
    let id = entry.understood(id)?;
    let handler = match table.entry("handler") {
        Some(entry) => {
            let value = entry.string("the name of a handler")?.to_owned();
            Some(Spanned { value, line: entry.line })
        }
        None => None,
    };
    Some(TenantSection { id, handler, script, own })
}

fn own_section(table: &Table<'_>) -> Option<Box<OwnSection>> {
    let limits = limits(table);
    let grants = table.table("grants", GRANTS).map(|table| grants::grants(&table));
    let config = key_value::config(table);
    let is_own = limits.iter().any(Option::is_some) || grants.is_some() || !config.is_empty();
    is_own.then(|| Box::new(OwnSection { limits, grants, config }))
}

fn tenant_id(id: &str) -> Result<String, &'static str> {
    match id.len() {
        1..=1024 if !id.contains(char::is_control) => Ok(id.to_owned()),
        _ => Err("expected a tenant id of 1 to 1024 bytes, without control characters"),
    }
}
