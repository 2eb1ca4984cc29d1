//! `sign = "aws"`: the service, the region and the operations of signed requests.

use std::collections::BTreeSet;

use super::hosts::HostEntry;
use super::session;
use crate::policy::aws_host::{names_operations, names_region, needs_sigv4a};
use crate::policy::manifest::document::{Entry, Spanned, Table, similar};
use crate::policy::manifest::store;
use crate::policy::{AwsSigning, service_and_region};

/// Reads the keys of a credential that signs.
pub(super) fn signing(table: &Table<'_>, hosts: &[HostEntry<'_>]) -> AwsSigning {
    let read = |key: &str, what: &str, check: fn(&str) -> Result<String, String>| {
        table.entry(key).and_then(|entry| entry.understood(check(entry.string(what)?)))
    };
    let region =
        read("region", "a region, such as \"eu-west-1\"", |name| store::region(name).map_err(str::to_owned));
    let service = read("service", "a service, such as \"dynamodb\"", service);
    let mut services = BTreeSet::new();
    for host in hosts {
        services.extend(service_of(host, service.as_ref(), region.as_ref()));
        if let Some((region, entry)) = region.as_ref().zip(table.entry("region")) {
            check_region(host, region, &entry);
        }
    }
    let operations = table.entry("operations").map(|entry| operations(&entry, &services));
    AwsSigning {
        region: region.map(|region| region.value.into()),
        service: service.map(|service| service.value.into()),
        role: session::role(table),
        operations: operations.unwrap_or_default(),
    }
}

/// The service of a host, and a mistake if it or the region is not known.
fn service_of(
    host: &HostEntry<'_>,
    service: Option<&Spanned<String>>,
    region: Option<&Spanned<String>>,
) -> Option<String> {
    let name = host.value.name();
    if name.is_some_and(needs_sigv4a) {
        host.entry.mistake(format!(
            "{} needs signatures for several regions (SigV4A), which are not supported; use the host of one region",
            host.value
        ));
        return None;
    }
    let of_host = name.and_then(service_and_region);
    if of_host.is_none() && (service.is_none() || region.is_none()) {
        let lacks = [(service, "service = \"dynamodb\""), (region, "region = \"eu-west-1\"")];
        let lacks: Vec<&str> =
            lacks.into_iter().filter(|(said, _)| said.is_none()).map(|(_, example)| example).collect();
        host.entry.mistake(format!(
            "the name {} does not say service and region; add {}, for example",
            host.value,
            lacks.join(" and ")
        ));
    }
    service.map(|service| service.value.clone()).or_else(|| Some(of_host?.0))
}

/// Records a region that is not that of a host.
fn check_region(host: &HostEntry<'_>, region: &Spanned<String>, entry: &Entry<'_>) {
    let Some(name) = host.value.name() else { return };
    let Some((_, named)) = service_and_region(name) else { return };
    // The hosts of some services are for all regions.
    if named != region.value && names_region(name, &named) {
        entry.mistake(format!(
            "{} is in {named}; leave `region` out, or make another credential for this host",
            host.value
        ));
    }
}

/// The name of a service in signatures.
fn service(name: &str) -> Result<String, String> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match name.len() {
        1..=64 if name.bytes().all(known) => Ok(name.to_owned()),
        _ => Err(format!(
            "{name:?} is not the name of a service; expected the name in signatures, such as \"dynamodb\""
        )),
    }
}

/// Reads `operations`.
fn operations(entry: &Entry<'_>, services: &BTreeSet<String>) -> Vec<Box<str>> {
    const EXPECTED: &str = "an array of operations, such as [\"dynamodb:GetItem\"]";
    let elements = entry.array(EXPECTED).unwrap_or_default();
    if elements.is_empty() {
        // Empty would be read as none by some, and as all by others.
        entry.mistake(format!("expected {EXPECTED}; without this key, all operations are signed"));
    }
    let read = |element: &Entry<'_>| {
        let text = element.string("a string, such as \"dynamodb:GetItem\"")?;
        element.understood(operation(text, services)).map(|spanned| spanned.value)
    };
    elements.iter().filter_map(read).collect()
}

fn operation(text: &str, services: &BTreeSet<String>) -> Result<Box<str>, String> {
    let (service, name) = text.split_once(':').unwrap_or(("", text));
    if service.is_empty() || name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!(
            "{text:?} is not an operation; expected a service and the whole name of an operation, such as \
             \"dynamodb:GetItem\""
        ));
    }
    // Without one, its host has a mistake.
    if !services.is_empty() && !services.contains(service) {
        let known: Vec<&str> = services.iter().map(String::as_str).collect();
        let hint = match similar(service, &known) {
            Some(similar) => format!("did you mean \"{similar}:{name}\"?"),
            None => format!("they are hosts of {}", known.join(", ")),
        };
        return Err(format!("none of the credential's hosts is of {service:?}; {hint}"));
    }
    if !names_operations(service) {
        return Err(format!(
            "requests to {service} do not name their operation; restrict what the role may do, or give it a \
             session_policy"
        ));
    }
    Ok(text.into())
}
