//! Stores, who is granted them, and configuration.

use super::*;
use crate::policy::manifest::Manifest;

fn parse(text: &str) -> Manifest {
    Manifest::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

fn mistakes(text: &str) -> Vec<String> {
    Manifest::parse(text).expect_err(text).iter().map(ToString::to_string).collect()
}

#[test]
fn each_kind_of_store_has_its_keys() {
    let manifest = parse(
        r#"
        [stores.scratch]
        kind = "memory"
        [stores.cache]
        kind = "dynamodb"
        table = "tenant-cache"
        [stores.local]
        kind = "dynamodb"
        table = "abc"
        region = "eu-central-1"
        endpoint_url = "http://127.0.0.1:8000"
        consistent_reads = false
        [stores.kept]
        kind = "file"
        path = "/tmp/kept.redb"
        "#,
    );
    let found: Vec<_> = manifest.stores.iter().map(|store| (store.name.as_str(), &store.kind)).collect();
    let cache =
        DynamoDb { table: "tenant-cache".to_owned(), region: None, endpoint: None, consistent_reads: true };
    let local = DynamoDb {
        table: "abc".to_owned(),
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(Server::of_url("http://127.0.0.1:8000").unwrap().0),
        consistent_reads: false,
    };
    assert_eq!(
        found,
        [
            ("cache", &KeyValueKind::DynamoDb(cache)),
            ("kept", &KeyValueKind::File("/tmp/kept.redb".into())),
            ("local", &KeyValueKind::DynamoDb(local)),
            ("scratch", &KeyValueKind::Memory),
        ]
    );
}

#[test]
fn what_is_wrong_with_a_store_is_reported_with_its_line() {
    for (text, expected) in [
        (
            "stores.a = {}",
            "1: stores.a: the key `kind` is missing; expected kind = \"dynamodb\", for example",
        ),
        (
            "stores.a = 1",
            "1: stores.a: this is a whole number; expected a table, such as { kind = \"memory\" }",
        ),
        (
            "stores.a.kind = \"redis\"",
            "1: stores.a.kind: this is \"redis\"; expected \"memory\" or \"file\" or \"dynamodb\"",
        ),
        (
            "[stores.a]\nkind = \"memory\"\ntable = \"abc\"",
            "3: stores.a.table: there is no such key; `table` is not for stores of the kind \"memory\"; leave it out",
        ),
        (
            "stores.a = { kind = \"file\" }",
            "1: stores.a: the key `path` is missing; expected path = \"/tmp/cache.redb\", for example",
        ),
        (
            "stores.a = { kind = \"file\", path = \"\" }",
            "1: stores.a.path: this is not the path of a file; expected a path such as \"/tmp/cache.redb\"",
        ),
        (
            "stores.a = { kind = \"dynamodb\" }",
            "1: stores.a: the key `table` is missing; expected table = \"tenant-cache\", for example",
        ),
        (
            "stores.a = { kind = \"dynamodb\", table = \"a b c\" }",
            "1: stores.a.table: expected the name of a table: 3 to 255 letters, digits and - _ .",
        ),
        (
            "stores.a = { kind = \"dynamodb\", table = \"abc\", consistent_reads = \"no\" }",
            "1: stores.a.consistent_reads: this is a string; expected true or false",
        ),
        (
            "stores.\"a#b\" = { kind = \"memory\" }",
            "1: stores.\"a#b\": expected a name of 1 to 64 letters, digits and - _ .",
        ),
    ] {
        assert_eq!(mistakes(text), [expected], "{text}");
    }
}

#[test]
fn a_store_is_granted_by_name_and_has_to_exist() {
    let stores = "[stores.cache]\nkind = \"memory\"\n[stores.users]\nkind = \"memory\"\n";
    let text = format!(
        "{stores}[handlers.a]\ngrants.key_value = [\"cache\"]\nmax.grants.key_value = [\"users\"]\n\
         [tenants.acme]\ngrants.key_value = [\"cache\", \"users\"]\n[tenants.beta]\ngrants.key_value = []\n"
    );
    let manifest = parse(&text);
    let granted =
        |tenant: &str| manifest.tenants[tenant].policy.grants.key_value.iter().cloned().collect::<Vec<_>>();
    assert_eq!(granted("acme"), ["cache", "users"]);
    assert_eq!(granted("beta"), [""; 0]);
    assert_eq!(manifest.handlers[0].policy.grants.key_value.len(), 1);
    assert_eq!(
        mistakes(&format!("{stores}[handlers.a]\n[tenants.acme]\ngrants.key_value = [\"users\"]")),
        ["7: tenants.acme.grants.key_value: users is not allowed by handlers.a; add it to \
          handlers.a.max.grants.key_value, or leave it out"]
    );
    assert_eq!(
        mistakes(&format!(
            "{stores}[handlers.a]\ngrants.key_value = [\"cahce\", \"else\"]\nmax.grants.key_value = [\"x\"]"
        )),
        [
            "6: handlers.a.grants.key_value: there is no store \"cahce\"; did you mean \"cache\"?",
            "6: handlers.a.grants.key_value: there is no store \"else\"; add [stores.else]",
            "7: handlers.a.max.grants.key_value: there is no store \"x\"; add [stores.x]",
        ]
    );
}

#[test]
fn a_tenant_has_the_configuration_of_its_handler_and_its_own() {
    let manifest = parse(
        "[handlers.a]\nconfig = { greeting = \"Hello\", unit = \"EUR\" }\n[tenants.acme]\nconfig = { unit = \"USD\", \
         more = \"\" }\n[tenants.beta]",
    );
    let config = |tenant: &str| {
        let config = &manifest.tenants[tenant].policy.config;
        config.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(config("acme"), ["greeting=Hello", "more=", "unit=USD"]);
    assert_eq!(config("beta"), ["greeting=Hello", "unit=EUR"]);
    assert_eq!(
        mistakes("[handlers.a]\nconfig = [\"a\"]"),
        [
            "2: handlers.a.config: this is an array; expected a table of strings, such as { greeting = \"Hello\" }"
        ]
    );
    assert_eq!(
        mistakes("[handlers.a]\nconfig.a = 1"),
        ["2: handlers.a.config.a: this is a whole number; expected a string"]
    );
}
