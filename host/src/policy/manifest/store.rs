//! `[store]`: where the tenants are that come and go without a deployment, who may write them, and what they may
//! have at most.
//!
//! A tenant of the store has the limits of `[limits]`, or the default, and no grants, unless its record
//! [asks](Settings) for something else. It may ask for less, and for more up to `[store.max]`, by the rule that
//! tenants of a handler have with the handler's `max`. A record that asks for more is rejected as a whole: it is
//! never reduced silently.

mod settings;
#[cfg(test)]
mod tests;
mod url;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

pub use settings::{AskedGrants, Settings, SettingsError};
pub use url::{BucketUrl, StoreUrl, endpoint, region};

use super::amounts::{self, LIMITS, LimitsSection, Range};
use super::apply;
use super::bounds::beyond;
use super::credentials::{Credentials, overlap};
use super::document::{Document, Entry, Spanned, Table};
use super::grants::{self, GrantsSection};
use super::unit::{GIB, Unit};
use super::{placeholders, sections};
use crate::http1::Server;
use crate::policy::{Credential, Grants, Limits, Policy, PublicKey};

/// The keys of the table, and those of its `max`.
pub(super) const KEYS: [&str; 10] = [
    "name",
    "url",
    "region",
    "endpoint_url",
    "public_keys",
    "refresh",
    "max_stale",
    "cache",
    "scripts",
    "max",
];
pub(super) const MAX: [&str; 3] = ["limits", "grants", "reuse"];

const SECOND: u64 = 1_000_000_000;
const MIB: u64 = 1024 * 1024;
const REFRESH: Range = Range { unit: Unit::Nanoseconds, least: SECOND / 1000, most: 3600 * SECOND };
const MAX_STALE: Range = Range { unit: Unit::Nanoseconds, least: SECOND / 1000, most: 30 * 86_400 * SECOND };
const CACHE: Range = Range { unit: Unit::Bytes, least: MIB, most: 10 * GIB };
/// More keys than a platform has teams that publish. Each is tried on a signature that does not name its key.
const MOST_KEYS: usize = 8;

/// The name of the handler of every tenant of a store, in receipts. The parentheses cannot occur in the name of a
/// handler of `bulkhead.toml`.
pub const HANDLER: &str = "(store)";

/// The content of `[store]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// `name`: a record is valid only in the store whose name it contains.
    pub name: String,
    /// `url`: the directory or the bucket.
    pub url: StoreUrl,
    /// `region`: of the bucket, if it is not the function's.
    pub region: Option<String>,
    /// `endpoint_url`: the server of the bucket, if it is not that of AWS.
    pub endpoint: Option<Server>,
    /// `public_keys`: a record is valid if one of these has signed it.
    pub public_keys: Vec<PublicKey>,
    /// `refresh`: how old a record may be before it is looked at again, behind an event.
    pub refresh: Duration,
    /// `max_stale`: how old a record may be at most when an event is served under it.
    pub max_stale: Duration,
    /// `cache`: the bytes of native code that are kept.
    pub cache: u64,
    /// `scripts`: whether its tenants may be scripts, so that the package has the engine that runs them.
    pub scripts: bool,
    /// What a tenant has that asks for nothing.
    defaults: Policy,
    max: Max,
    /// Those that the file defines.
    credentials: Credentials,
}

/// `[store.max]`
#[derive(Debug, Clone, PartialEq, Eq)]
struct Max {
    limits: Limits,
    grants: GrantsSection<String>,
    events: NonZeroU32,
}

/// The content of the table, before it is compared with `[limits]`.
#[derive(Debug)]
pub(super) struct StoreSection {
    name: String,
    place: Place,
    public_keys: Vec<PublicKey>,
    refresh: Option<Spanned<u64>>,
    max_stale: Option<Spanned<u64>>,
    cache: Option<u64>,
    scripts: bool,
    max_limits: LimitsSection,
    pub(super) max_grants: GrantsSection<String>,
    max_events: Option<NonZeroU32>,
}

/// Where the store is.
#[derive(Debug)]
struct Place {
    url: StoreUrl,
    region: Option<String>,
    endpoint: Option<Server>,
}

/// Reads the table.
pub(super) fn section(entry: &Entry<'_>) -> Option<StoreSection> {
    const EXAMPLE: &str = "{ name = \"prod\", url = \"s3://bucket/prod\", public_keys = [\"ed25519:…\"] }";
    let table = entry.table(EXAMPLE)?;
    table.only(&KEYS, |key| {
        let is_of_max = MAX.contains(&key) || sections::belongs(key).is_some();
        is_of_max.then(|| {
            format!("[store.max] says what tenants of the store may have at most; `{key}` belongs there")
        })
    });
    let max = table.table("max", "{ limits = { memory = \"256MiB\" } }");
    if let Some(max) = &max {
        max.only(&MAX, sections::belongs);
    }
    let max_grants = max.as_ref().and_then(|max| max.table("grants", "{ tmp = \"16MiB\" }"));
    if let Some(table) = &max_grants {
        settings::refuse_those_of_the_zip(table);
    }
    let required = |key: &str, example: &str| {
        let found = table.entry(key);
        if found.is_none() {
            entry.mistake(format!("the key `{key}` is missing; expected {example}, for example"));
        }
        found
    };
    let name = required("name", "name = \"prod\"");
    let url = required("url", "url = \"s3://bucket/prod\"");
    let keys = required("public_keys", "public_keys = [\"ed25519:…\"]");
    let amount = |key: &str, range: Range| table.entry(key).and_then(|entry| range.read(&entry));
    let (refresh, max_stale) = (amount("refresh", REFRESH), amount("max_stale", MAX_STALE));
    let cache = amount("cache", CACHE).map(|spanned| spanned.value);
    let name = name.and_then(|entry| entry.understood(store_name(entry.string("a name, such as \"prod\"")?)));
    let place = url.and_then(|entry| place(&table, &entry));
    let public_keys = keys.and_then(|entry| public_keys(&entry));
    Some(StoreSection {
        name: name?.value,
        place: place?,
        public_keys: public_keys?,
        refresh,
        max_stale,
        cache,
        scripts: table.entry("scripts").and_then(|entry| entry.boolean()).unwrap_or_default(),
        max_limits: max.as_ref().map(sections::limits).unwrap_or_default(),
        max_grants: max_grants.map(|table| grants::most(&table)).unwrap_or_default(),
        max_events: max.and_then(|max| max.entry("reuse")).and_then(|entry| sections::reuse(&entry)),
    })
}

/// Reads `url`, and the keys that are for buckets.
fn place(table: &Table<'_>, url: &Entry<'_>) -> Option<Place> {
    let text = url.string("a URL, such as \"s3://bucket/prod\" or \"file:///mnt/tenants\"")?;
    let url = url.understood(StoreUrl::parse(text)).map(|spanned| spanned.value);
    let of_bucket = |key: &str| {
        let entry = table.entry(key)?;
        if let Some(StoreUrl::Directory(_)) = &url {
            entry.mistake("this is for buckets, and `url` is a directory; leave it out");
        }
        Some(entry)
    };
    let region = of_bucket("region")
        .and_then(|entry| entry.understood(region(entry.string("a region, such as \"eu-central-1\"")?)));
    let endpoint = of_bucket("endpoint_url").and_then(|entry| {
        entry.understood(endpoint(entry.string("a URL, such as \"https://s3.example.com\"")?))
    });
    Some(Place {
        region: region.map(|spanned| spanned.value),
        endpoint: endpoint.map(|spanned| spanned.value),
        url: url?,
    })
}

/// The name of a store.
///
/// # Errors
/// If it is not a valid name.
pub fn store_name(name: &str) -> Result<String, &'static str> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match name.len() {
        1..=64 if name.bytes().all(known) => Ok(name.to_owned()),
        _ => Err("expected a name of 1 to 64 letters, digits and - _ ."),
    }
}

fn public_keys(entry: &Entry<'_>) -> Option<Vec<PublicKey>> {
    let keys = grants::list(entry, "an array of public keys, such as [\"ed25519:…\"]", |text| {
        text.parse::<PublicKey>()
    })?;
    let keys: Vec<PublicKey> = keys.into_iter().map(|spanned| spanned.value).collect();
    if !(1..=MOST_KEYS).contains(&entry.array("")?.len()) {
        entry.mistake(format!("expected 1 to {MOST_KEYS} public keys; `bulkhead keygen` makes a key"));
    }
    Some(keys)
}

/// Compares the table with `[limits]`.
pub(super) fn resolve(
    document: &Document,
    section: StoreSection,
    limits: Limits,
    credentials: &Credentials,
) -> Store {
    credentials.check(document, "store.max.grants", &section.max_grants.credentials);
    for (amount, max) in LIMITS.iter().zip(&section.max_limits) {
        let own = amounts::value(&limits, amount.limit);
        // Without a value, `concurrency` is a share that depends on the environment.
        let is_set = amounts::is_set(&limits, amount.limit);
        if let Some(max) = max.filter(|max| is_set && max.value < own) {
            let (key, least) = (amount.limit.key(), amount.unit.text(own));
            let text = format!(
                "{} is less than every tenant has without asking ({least}, from [limits] or the default); raise \
                 the former, or lower limits.{key}",
                amount.unit.text(max.value)
            );
            document.mistake(max.line, format!("store.max.limits.{key}"), text);
        }
    }
    let nanoseconds = |amount: Option<Spanned<u64>>, default| amount.map_or(default, |amount| amount.value);
    let refresh = nanoseconds(section.refresh, 5 * SECOND);
    let max_stale = nanoseconds(section.max_stale, refresh.max(3600 * SECOND));
    if let Some(spanned) = section.max_stale.filter(|_| max_stale < refresh) {
        let text = format!(
            "{} is less than `refresh` ({})",
            Unit::Nanoseconds.text(max_stale),
            Unit::Nanoseconds.text(refresh)
        );
        document.mistake(spanned.line, "store.max_stale", text);
    }
    let max = Max {
        limits: apply::limits(limits.clone(), &section.max_limits),
        grants: section.max_grants,
        events: section.max_events.unwrap_or(NonZeroU32::MIN),
    };
    Store {
        name: section.name,
        url: section.place.url,
        region: section.place.region,
        endpoint: section.place.endpoint,
        public_keys: section.public_keys,
        refresh: Duration::from_nanos(refresh),
        max_stale: Duration::from_nanos(max_stale),
        cache: section.cache.unwrap_or(256 * MIB),
        scripts: section.scripts,
        defaults: defaults(limits),
        max,
        credentials: credentials.clone(),
    }
}

fn defaults(limits: Limits) -> Policy {
    Policy { limits, table: "store.max.grants".to_owned(), ..Policy::default_for(HANDLER) }
}

impl Store {
    /// The largest limits that a tenant of the store can have, without grants.
    pub fn largest(&self) -> Policy {
        Policy { limits: self.max.limits.clone(), ..self.defaults.clone() }
    }

    /// The credentials that its tenants may have.
    pub fn credentials(&self) -> Vec<Arc<Credential>> {
        self.credentials.named(&self.max.grants.credentials)
    }

    /// The policy of a tenant that asks for this.
    ///
    /// # Errors
    /// Everything that is not valid, or more than the store allows.
    pub fn policy(&self, settings: &Settings) -> Result<Policy, SettingsError> {
        let (limits, grants, mut wrong) = settings.read();
        let asked = LIMITS.iter().zip(&limits).filter_map(|(amount, asked)| Some((amount, (*asked)?.value)));
        for (amount, asked) in asked {
            // Without a value, `concurrency` is a share of the environment, which is never less than one.
            let is_set = amounts::is_set(&self.max.limits, amount.limit);
            let most = if is_set { amounts::value(&self.max.limits, amount.limit) } else { 1 };
            if asked > most {
                let (asked, most) = (amount.unit.text(asked), amount.unit.text(most));
                wrong.push(over("limits", amount.limit.key(), &asked, &most));
            }
        }
        let (asked, most) = (grants.tmp, self.max.grants.tmp.map_or(0, |tmp| tmp.value));
        if let Some(asked) = asked.filter(|asked| asked.value > most) {
            wrong.push(over("grants", "tmp", &Unit::Bytes.text(asked.value), &Unit::Bytes.text(most)));
        }
        for element in beyond(&grants, &Grants::default(), &self.max.grants) {
            let (key, name) = (element.key, element.name);
            wrong.push(format!(
                "grants.{key}: {name} is not allowed by the store; add it to store.max.grants.{key}, or leave it out"
            ));
        }
        let events = settings.reuse.unwrap_or(NonZeroU32::MIN);
        if events > self.max.events {
            wrong.push(over("reuse", "events", &events.to_string(), &self.max.events.to_string()));
        }
        let mut granted = apply::grants(Grants::default(), &grants);
        self.credentials.grant(&mut granted, &grants.credentials);
        wrong.extend(overlap(&granted.credentials).map(|text| format!("grants.credentials: {text}")));
        if !wrong.is_empty() {
            return Err(SettingsError(wrong));
        }
        placeholders::add(&mut granted);
        Ok(Policy {
            limits: apply::limits(self.defaults.limits.clone(), &limits),
            grants: granted,
            config: settings.config.clone(),
            events,
            other_events: settings.other_events.unwrap_or_default(),
            invoke_mode: settings.invoke_mode.unwrap_or_default(),
            ..self.defaults.clone()
        })
    }
}

fn over(table: &str, key: &str, asked: &str, most: &str) -> String {
    format!(
        "{table}.{key}: {asked} is more than the store allows ({most}); raise store.max.{table}.{key}, or lower \
         this value"
    )
}

/// A table of grants of a store or of its tenants, where those are a mistake that only a zip can grant.
pub(super) fn grants_of_tenant(table: &Table<'_>) -> GrantsSection<(String, String)> {
    settings::refuse_those_of_the_zip(table);
    grants::grants(table)
}
