//! `[stores.…]`: the key-value stores that can be granted by `key_value`; and `config`, the table of strings of a handler or a
//! tenant.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::document::{Document, Entry, Spanned, Table, path, similar};
use super::grants;
use super::sections::Sections;
use super::store::{endpoint, region, store_name};
use crate::http1::Server;

/// The keys of a store, whatever its kind.
pub(super) const KEYS: [&str; 6] = ["kind", "path", "table", "region", "endpoint_url", "consistent_reads"];

/// One entry of `[stores]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValueStore {
    /// Its name, by which it is granted and opened.
    pub name: String,
    /// `kind`, and what that kind needs.
    pub kind: KeyValueKind,
}

/// Where a store keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValueKind {
    /// `"memory"`: in the memory of the process, which ends with it.
    Memory,
    /// `"file"`: in this file, relative to the task root.
    File(PathBuf),
    /// `"dynamodb"`: in a table of DynamoDB.
    DynamoDb(DynamoDb),
}

/// A table of DynamoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DynamoDb {
    /// `table`
    pub table: String,
    /// `region`: of the table, if it is not the function's.
    pub region: Option<String>,
    /// `endpoint_url`: the server, if it is not that of AWS.
    pub endpoint: Option<Server>,
    /// `consistent_reads`: whether a read sees every write before it, for twice the price.
    pub consistent_reads: bool,
}

/// What decides which keys a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Memory,
    File,
    DynamoDb,
}

/// Reads all stores.
pub(super) fn stores(root: &Table<'_>) -> Vec<KeyValueStore> {
    let table = root.table("stores", "{ cache = { kind = \"memory\" } }");
    table.iter().flat_map(Table::entries).filter_map(|entry| store(&entry)).collect()
}

fn store(entry: &Entry<'_>) -> Option<KeyValueStore> {
    const KINDS: [(&str, Kind); 3] =
        [("memory", Kind::Memory), ("file", Kind::File), ("dynamodb", Kind::DynamoDb)];
    let name = entry.understood(store_name(entry.key));
    let table = entry.table("{ kind = \"memory\" }")?;
    let Some(kind) = table.entry("kind") else {
        entry.mistake("the key `kind` is missing; expected kind = \"dynamodb\", for example");
        return None;
    };
    let chosen = kind.one_of(&KINDS)?;
    let (of_kind, word) = match chosen {
        Kind::Memory => (&KEYS[..1], "memory"),
        Kind::File => (&KEYS[..2], "file"),
        Kind::DynamoDb => (&["kind", "table", "region", "endpoint_url", "consistent_reads"][..], "dynamodb"),
    };
    table.only(of_kind, |key| {
        KEYS.contains(&key).then(|| format!("`{key}` is not for stores of the kind {word:?}; leave it out"))
    });
    let kind = match chosen {
        Kind::Memory => KeyValueKind::Memory,
        Kind::File => KeyValueKind::File(file(entry, &kind, &table)?),
        Kind::DynamoDb => KeyValueKind::DynamoDb(dynamodb(entry, &table)?),
    };
    Some(KeyValueStore { name: name?.value, kind })
}

fn file(entry: &Entry<'_>, kind: &Entry<'_>, table: &Table<'_>) -> Option<PathBuf> {
    if !cfg!(feature = "file-stores") {
        kind.mistake(
            "this bootstrap has no stores of the kind \"file\", which are for development; use \"dynamodb\"",
        );
        return None;
    }
    let Some(path) = table.entry("path") else {
        entry.mistake("the key `path` is missing; expected path = \"/tmp/cache.redb\", for example");
        return None;
    };
    let text = path.string("the path of a file, such as \"/tmp/cache.redb\"")?;
    if text.is_empty() || text.contains(char::is_control) {
        path.mistake("this is not the path of a file; expected a path such as \"/tmp/cache.redb\"");
        return None;
    }
    Some(text.into())
}

fn dynamodb(entry: &Entry<'_>, table: &Table<'_>) -> Option<DynamoDb> {
    let understood = |key: &str, what: &str, read: fn(&str) -> Result<String, &'static str>| {
        let entry = table.entry(key)?;
        entry.understood(read(entry.string(what)?)).map(|spanned| spanned.value)
    };
    if table.entry("table").is_none() {
        entry.mistake("the key `table` is missing; expected table = \"tenant-cache\", for example");
    }
    let name = understood("table", "the name of a table, such as \"tenant-cache\"", table_name);
    let region = understood("region", "a region, such as \"eu-central-1\"", region);
    let endpoint = table.entry("endpoint_url").and_then(|entry| {
        let text = entry.string("a URL, such as \"https://dynamodb.eu-central-1.amazonaws.com\"")?;
        entry.understood(endpoint(text)).map(|spanned| spanned.value)
    });
    let consistent_reads = match table.entry("consistent_reads") {
        None => true,
        Some(entry) => entry.boolean()?,
    };
    Some(DynamoDb { table: name?, region, endpoint, consistent_reads })
}

fn table_name(name: &str) -> Result<String, &'static str> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match name.len() {
        3..=255 if name.bytes().all(known) => Ok(name.to_owned()),
        _ => Err("expected the name of a table: 3 to 255 letters, digits and - _ ."),
    }
}

/// Reads the names of stores.
pub(super) fn names(entry: &Entry<'_>) -> Option<Vec<Spanned<String>>> {
    grants::list(entry, "an array of names of stores, such as [\"cache\"]", store_name)
}

/// Reads the table of strings of a handler or a tenant.
pub(super) fn config(table: &Table<'_>) -> BTreeMap<String, String> {
    const EXAMPLE: &str = "{ greeting = \"Hello\" }";
    let Some(entry) = table.entry("config") else { return BTreeMap::new() };
    if !entry.is_table() {
        entry.expected::<()>(&format!("a table of strings, such as {EXAMPLE}"));
        return BTreeMap::new();
    }
    let entries = entry.table(EXAMPLE);
    let pair = |entry: Entry<'_>| Some((entry.key.to_owned(), entry.string("a string")?.to_owned()));
    entries.iter().flat_map(Table::entries).filter_map(pair).collect()
}

/// Records the names of stores that are granted and do not exist.
pub(super) fn check(document: &Document, sections: &Sections) {
    let known: Vec<&str> = sections.stores.iter().map(|store| store.name.as_str()).collect();
    let check = |table: &str, names: &Option<Vec<Spanned<String>>>| {
        for Spanned { value, line } in names.iter().flatten() {
            if known.contains(&value.as_str()) {
                continue;
            }
            let hint = match similar(value, &known) {
                Some(similar) => format!("did you mean {similar:?}?"),
                None => format!("add [{}]", path("stores", value)),
            };
            document.mistake(
                *line,
                format!("{table}.key_value"),
                format!("there is no store {value:?}; {hint}"),
            );
        }
    };
    for handler in &sections.handlers {
        let handler_path = path("handlers", &handler.name);
        check(&format!("{handler_path}.grants"), &handler.grants.key_value);
        check(&format!("{handler_path}.max.grants"), &handler.max_grants.key_value);
    }
    for tenant in &sections.tenants {
        if let Some(grants) = tenant.grants() {
            check(&format!("{}.grants", path("tenants", &tenant.id.value)), &grants.key_value);
        }
    }
    if let Some(store) = &sections.store {
        check("store.max.grants", &store.max_grants.key_value);
    }
}

#[cfg(test)]
mod tests;
