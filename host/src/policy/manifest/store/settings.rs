//! What a tenant of a store asks for: in its record, in JSON, or in a file of the command, in TOML.
//!
//! The keys are those of `bulkhead.toml`. In a record, a limit is a whole number of bytes, nanoseconds or pieces.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::super::amounts::{LIMITS, LimitsSection, TMP};
use super::super::document::{self, Spanned, Table};
use super::super::grants::GrantsSection;
use super::super::{Mistake, apply, environment, key_value, network, sections};
use super::{grants_of_tenant, store_name};
use crate::policy::{AllowedHost, InvokeMode, OtherEvents};

/// The settings of one tenant. What is missing is as in a store whose tenants ask for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `limits`, by key: in bytes, nanoseconds or pieces.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
    /// `grants`
    #[serde(skip_serializing_if = "AskedGrants::is_empty")]
    pub grants: AskedGrants,
    /// `config`: texts that it reads through `wasi:config`. They are data and no grant, so the store has no bound for them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// `reuse`: the number of events of one sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reuse: Option<NonZeroU32>,
    /// `other_events`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_events: Option<OtherEvents>,
    /// `invoke_mode`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoke_mode: Option<InvokeMode>,
}

/// The grants that a tenant of a store asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AskedGrants {
    /// `environment`
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// `tmp`, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmp: Option<u64>,
    /// `allowed_outbound_hosts`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_outbound_hosts: Vec<String>,
    /// `allowed_private_networks`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_private_networks: Vec<String>,
    /// `credentials`, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<String>,
    /// `key_value`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_value: Vec<String>,
}

impl AskedGrants {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything that is wrong with the settings of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError(pub Vec<String>);

impl std::error::Error for SettingsError {}

impl Display for SettingsError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl Settings {
    /// Parses the text of a file, in the notation of `bulkhead.toml`.
    ///
    /// # Errors
    /// Every mistake in it, in the order of their lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let (document, tree) = document::read(text);
        let settings = Self::of_table(&document.root(&tree));
        let mistakes = document.into_mistakes();
        if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
    }

    fn of_table(table: &Table<'_>) -> Self {
        table.only(&sections::SETTINGS, sections::belongs);
        let limits = sections::limits(table);
        let grants = table.table("grants", sections::GRANTS).map(|table| grants_of_tenant(&table));
        let (other_events, invoke_mode) = sections::service(table);
        Self {
            limits: LIMITS
                .iter()
                .zip(&limits)
                .filter_map(|(amount, value)| Some((amount.limit.key().to_owned(), (*value)?.value)))
                .collect(),
            grants: grants.as_ref().map(asked).unwrap_or_default(),
            config: key_value::config(table),
            reuse: table.entry("reuse").and_then(|entry| sections::reuse(&entry)),
            other_events,
            invoke_mode,
        }
    }

    /// The limits and grants, and everything that is not valid.
    pub(super) fn read(&self) -> (LimitsSection, GrantsSection<(String, String)>, Vec<String>) {
        let mut wrong = Vec::new();
        let mut limits = LimitsSection::default();
        for (key, value) in &self.limits {
            let Some(at) = LIMITS.iter().position(|amount| amount.limit.key() == key) else {
                wrong.push(format!("limits: there is no limit {key:?}"));
                continue;
            };
            match LIMITS[at].check(*value) {
                Ok(value) => limits[at] = Some(of_record(value)),
                Err(text) => wrong.push(format!("limits.{key}: {text}")),
            }
        }
        let AskedGrants {
            environment,
            tmp,
            allowed_outbound_hosts,
            allowed_private_networks,
            credentials,
            key_value,
        } = &self.grants;
        let mut list = List { wrong: &mut wrong };
        let grants = GrantsSection {
            environment: list
                .read("environment", environment, |(name, value)| environment::variable(name, value)),
            allowed_outbound_hosts: list
                .read("allowed_outbound_hosts", allowed_outbound_hosts, |text| text.parse::<AllowedHost>()),
            allowed_private_networks: list.read(
                "allowed_private_networks",
                allowed_private_networks,
                |text| network::network(text),
            ),
            credentials: list.read("credentials", credentials, |name| Ok::<_, String>(name.clone())),
            key_value: list.read("key_value", key_value, |name| store_name(name)),
            tmp: list.read("tmp", *tmp, |tmp| TMP.check(tmp)).and_then(|tmp| tmp.into_iter().next()),
            inherit_environment: None,
            files: None,
        };
        (limits, grants, wrong)
    }
}

/// Reads the elements of a list, and keeps what is wrong with them.
struct List<'w> {
    wrong: &'w mut Vec<String>,
}

impl List<'_> {
    fn read<A, T, E: Display>(
        &mut self,
        key: &str,
        asked: impl IntoIterator<Item = A>,
        parse: impl Fn(A) -> Result<T, E>,
    ) -> Option<Vec<Spanned<T>>> {
        let read = |element| match parse(element) {
            Ok(value) => Some(of_record(value)),
            Err(error) => {
                self.wrong.push(format!("grants.{key}: {error}"));
                None
            }
        };
        let read: Vec<_> = asked.into_iter().filter_map(read).collect();
        (!read.is_empty()).then_some(read)
    }
}

/// A record has no lines.
fn of_record<T>(value: T) -> Spanned<T> {
    Spanned { value, line: 0 }
}

fn asked(grants: &GrantsSection<(String, String)>) -> AskedGrants {
    AskedGrants {
        environment: apply::values(&grants.environment).cloned().collect(),
        tmp: grants.tmp.map(|tmp| tmp.value),
        allowed_outbound_hosts: apply::values(&grants.allowed_outbound_hosts)
            .map(ToString::to_string)
            .collect(),
        allowed_private_networks: apply::values(&grants.allowed_private_networks)
            .map(ToString::to_string)
            .collect(),
        credentials: apply::values(&grants.credentials).cloned().collect(),
        key_value: apply::values(&grants.key_value).cloned().collect(),
    }
}

/// Records the grants that are about the zip and the function, of which a store does not know: they are for
/// handlers of the zip.
pub(super) fn refuse_those_of_the_zip(table: &Table<'_>) {
    for (key, what) in
        [("files", "directories of the zip"), ("inherit_environment", "variables of the function")]
    {
        if let Some(entry) = table.entry(key) {
            entry.mistake(format!("tenants of a store cannot have {what}; leave it out"));
        }
    }
}
