//! The tables of key-value stores, which a function needs beside its own resources.

use std::collections::BTreeMap;

use bulkhead_host::policy::manifest::{DynamoDb, KeyValueKind, Manifest};
use serde::Serialize;

/// The kinds of owners of keys, as the partition keys begin: those of tenants and of handlers, and those with a digest in the
/// place of a long name.
const OWNERS: [&str; 4] = ["t", "T", "h", "H"];

/// A table of DynamoDB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Table {
    /// A name for the resource, of letters and digits, which no other one has.
    id: String,
    name: String,
    /// If it is in another region than the function may be, where no resource of a stack can be.
    region: Option<String>,
    /// The partition keys of the stores that are in it.
    owners: Vec<String>,
}

/// The tables of `[stores]`, without those on another server than AWS's.
pub(super) fn tables(manifest: &Manifest) -> Vec<Table> {
    let mut stores: BTreeMap<(&str, Option<&str>), Vec<&str>> = BTreeMap::new();
    for store in &manifest.stores {
        if let KeyValueKind::DynamoDb(DynamoDb { table, region, endpoint: None, .. }) = &store.kind {
            stores.entry((table, region.as_deref())).or_default().push(&store.name);
        }
    }
    let mut tables: Vec<Table> = Vec::new();
    for ((name, region), stores) in stores {
        let owners = stores.iter().flat_map(|store| OWNERS.map(|owner| format!("{owner}#*#{store}")));
        let id = free(&id(name), &tables);
        tables.push(Table {
            id,
            name: name.to_owned(),
            region: region.map(str::to_owned),
            owners: owners.collect(),
        });
    }
    tables
}

impl Table {
    /// Whether it is in another region.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.region.is_some()
    }
}

/// `tenant-cache` becomes `TenantCache`.
fn id(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let capital =
        |word: &str| word.chars().take(1).map(|first| first.to_ascii_uppercase()).collect::<String>();
    words.map(|word| format!("{}{}", capital(word), word.get(1..).unwrap_or_default())).collect()
}

/// The id, with a number if another table has it.
fn free(id: &str, tables: &[Table]) -> String {
    let numbered = (2..).map(|number| format!("{id}{number}"));
    let is_free = |id: &String| tables.iter().all(|table| table.id != *id);
    std::iter::once(id.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_is_there_once_with_the_keys_of_its_stores() {
        let toml = "[stores]\na = { kind = 'dynamodb', table = 'tenant-cache' }\n\
                    b = { kind = 'dynamodb', table = 'tenant-cache' }\nc = { kind = 'memory' }\n\
                    d = { kind = 'dynamodb', table = 'tenant_cache' }\n\
                    e = { kind = 'dynamodb', table = 'tenant-cache', region = 'us-east-1' }\n\
                    f = { kind = 'dynamodb', table = 'local', endpoint_url = 'http://127.0.0.1:8000' }\n";
        let tables = tables(&Manifest::parse(toml).unwrap());
        let seen: Vec<_> =
            tables.iter().map(|table| (&*table.id, &*table.name, table.is_elsewhere())).collect();
        assert_eq!(
            seen,
            [
                ("TenantCache", "tenant-cache", false),
                ("TenantCache2", "tenant-cache", true),
                ("TenantCache3", "tenant_cache", false)
            ]
        );
        assert_eq!(tables[0].owners[..5], ["t#*#a", "T#*#a", "h#*#a", "H#*#a", "t#*#b"]);
        assert_eq!((tables[0].owners.len(), tables[2].owners.len()), (8, 4));
    }
}
