//! The published schema and the parser: they know the same keys, and agree on what is right and wrong.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use super::*;
use crate::policy::manifest::{
    amounts, build, credentials, grants, key_value, secrets, sections, store, unit,
};

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(integer) => json!(i64::from_str_radix(integer.as_str(), integer.radix()).unwrap()),
        DeValue::Float(float) => json!(float.as_str().parse::<f64>().unwrap()),
        DeValue::Boolean(boolean) => json!(boolean),
        DeValue::Datetime(datetime) => json!(datetime.to_string()),
        DeValue::Array(elements) => elements.iter().map(|element| json(element.get_ref())).collect(),
        DeValue::Table(table) => object(table),
    }
}

fn object(table: &DeTable<'_>) -> Value {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<_>)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        (key.to_string(), json(value.get_ref()))
    };
    Value::Object(table.iter().map(entry).collect())
}

fn fits(validator: &jsonschema::Validator, text: &str) -> bool {
    validator.is_valid(&object(DeTable::parse(text).unwrap().get_ref()))
}

/// 65 directories.
const MANY_DIRECTORIES: &str = concat!(
    "handlers.a.grants.files = [\"0\", \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\", \"a\", \"b\", \"c\", \"d\", \"e\", \"f\", ",
    "\"00\", \"10\", \"20\", \"30\", \"40\", \"50\", \"60\", \"70\", \"80\", \"90\", \"a0\", \"b0\", \"c0\", \"d0\", \"e0\", \"f0\", ",
    "\"01\", \"11\", \"21\", \"31\", \"41\", \"51\", \"61\", \"71\", \"81\", \"91\", \"a1\", \"b1\", \"c1\", \"d1\", \"e1\", \"f1\", ",
    "\"02\", \"12\", \"22\", \"32\", \"42\", \"52\", \"62\", \"72\", \"82\", \"92\", \"a2\", \"b2\", \"c2\", \"d2\", \"e2\", \"f2\", \"g\"]",
);

const GOOD: &[&str] = &[
    "",
    "routing.tenant = \"lambda\"",
    "routing.tenant = { pointer = \"/detail/a~1b\" }",
    "routing.tenant = { header = \"X-Tenant\" }",
    "routing = { unknown_tenant = \"reject\", mixed_batches = \"split\", invalid_handler = \"fail_events\" }",
    "limits = { memory = \"128MiB\", response = \"6MiB\", logs = 0, wall_time = \"1m 30s\", cpu_time = \"200ms\" }",
    "limits = { memory = \"1.5 GB\", table_entries = 1, instances = 1, hostcall = 1, handles = 1, random = \"0\" }",
    "limits = { outbound_requests = 0, outbound_bytes = \"1TiB\", concurrency = 8 }",
    "limits = { key_value_operations = 0, key_value_bytes = \"1GiB\" }",
    "stores = { a.kind = \"memory\", b = { kind = \"file\", path = \"b.redb\" }, c = { kind = \"dynamodb\", table = \"abc\" } }",
    "stores.c = { kind = \"dynamodb\", table = \"abc\", region = \"eu-central-1\", endpoint_url = \"http://127.0.0.1:8000\", consistent_reads = false }",
    "stores.s.kind = \"memory\"\nhandlers.a = { grants.key_value = [\"s\"], max.grants.key_value = [\"s\"], config = { b = \"\" } }\ntenants.t.config.\"a b\" = \"c\"",
    "handlers.a.reuse = { events = 100 }",
    "handlers = { a.other_events = \"post\", b.other_events = \"reject\" }",
    "handlers = { a.invoke_mode = \"response_stream\", b.invoke_mode = \"buffered\" }",
    "limits.streamed_response = \"200MiB\"",
    "receipts = { format = \"emf\", namespace = \"Team/Handlers 2\" }",
    "receipts.format = \"off\"",
    "outbound.extra_ca_certificates = [\"certs/ca.pem\"]",
    "build = { command = \"make\", workdir = \"python\" }",
    "[handlers.hello]",
    "handlers.\"a.b\".source = \"lib/b.cwasm\"",
    "handlers.a.source = \"./index.js\"",
    "handlers.a.source = \"notes/a.b.mts\"\ntenants.t = { handler = \"a\", script = \"./t/index.cjs\" }",
    "handlers.a.digest = \"sha256:00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\"",
    "handlers.a.grants = { environment = { A = \"\" }, inherit_environment = [\"B\"], files = [\"a/b\"], tmp = \"0\" }",
    "handlers.a.grants.allowed_outbound_hosts = [\"https://a.b\", \"*://*:*\", \"http://[::1]:80..82\", \"http://10.0.0.0/8\"]",
    "handlers.a.grants.allowed_private_networks = [\"10.0.0.0/8\", \"::1\", \"fd12::/16\"]",
    "handlers.a.max = { limits.memory = \"1GiB\", grants = { environment = [\"A\"], tmp = \"1MiB\" } }",
    "handlers.a = {}\ntenants.\"a b\" = { handler = \"a\", limits.logs = 1, grants.files = [] }",
    "secrets = { a.from = \"env:A\", b.from = \"ssm:/prod/b\", c.from = \"secretsmanager:prod/c#key\", d.from = \"file:/mnt/d\" }",
    "secrets.a.from = \"env:A\"\ncredentials.a = { hosts = [\"https://a.b\", \"http://127.0.0.1:5000\"], headers = { X-A = \"Bearer {a}\", b = \"{{{a}}}\" } }",
    "secrets.a.from = \"env:A\"\ncredentials.a = { hosts = [\"https://a.b:8443\"], query = { key = \"{a}\" }, basic = { user = \"{a}\", password = \"\" } }",
    "credentials.a = { hosts = [\"https://sqs.eu-west-1.amazonaws.com\"], sign = \"aws\", operations = [\"sqs:SendMessage\"] }",
    "credentials.a = { hosts = [\"http://[::1]:5000\"], sign = \"aws\", region = \"eu-west-1\", service = \"s3\" }",
    "credentials.a = { hosts = [\"https://sqs.eu-west-1.amazonaws.com\"], sign = \"aws\", role = \"arn:aws:iam::123456789012:role/a/b\", session_tags = { tenant = \"{tenant}\" }, external_id = \"x-{tenant}\", session_policy = \"{\\\"Statement\\\": []}\" }",
    "credentials.a = { hosts = [\"https://a.b\"], headers = {} }\nhandlers.a = { grants.credentials = [\"a\"], max.grants.credentials = [\"a\"] }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"s3://my.tenants-1/a/b_c.d/\", region = \"eu-central-1\", endpoint_url = \"https://s3.example.com:9000/\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"s3://tenants\", endpoint_url = \"http://127.0.0.1\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], refresh = \"1m\", max_stale = \"1h\", cache = \"1GiB\", scripts = true }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], max = { limits.memory = \"1GiB\", grants = { environment = [\"A\"], tmp = 1 }, reuse = { events = 9 } } }",
];

/// What the schema can tell as well.
const BAD: &[&str] = &[
    "limit = {}",
    "grants = {}",
    "routing.tenant = \"header\"",
    "routing.tenant = 1",
    "routing.tenant = {}",
    "routing.tenant = { pointer = \"\" }",
    "routing.tenant = { pointer = \"/a~2\" }",
    "routing.tenant = { pointer = \"/a\", header = \"b\" }",
    "routing.tenant = { header = \"a b\" }",
    "routing.mixed_batches = \"mix\"",
    "routing.unknown_tenant = 1",
    "limits.memroy = 1",
    "limits.memory = 1",
    "limits.memory = -1",
    "limits.memory = true",
    "limits.memory = \"lots\"",
    "limits.memory = 4294967296",
    "limits.response = 6291557",
    "limits.wall_time = 5",
    "limits.wall_time = \"soon\"",
    "limits.outbound_requests = \"32\"",
    "limits.instances = 0",
    "limits.concurrency = 0",
    "limits.concurrency = 1001",
    "limits.key_value_operations = -1",
    "stores.a = {}",
    "stores.a.kind = \"redis\"",
    "stores.a = { kind = \"memory\", path = \"a\" }",
    "stores.a = { kind = \"file\" }",
    "stores.a = { kind = \"dynamodb\", table = \"a b\" }",
    "stores.a = { kind = \"dynamodb\", table = \"abc\", consistent_reads = 1 }",
    "stores.\"a b\".kind = \"memory\"",
    "handlers.a.grants.key_value = [\"a b\"]",
    MANY_DIRECTORIES,
    "handlers.a.grants.key_value = \"a\"",
    "handlers.a.config.b = 1",
    "handlers.a.source = \"index.jsx\"",
    "handlers.a.source = \".js\"",
    "handlers.a.source = \"a/.b/index.js\"",
    "handlers.a.source = \"../index.js\"",
    "handlers.a.source = \"a.js\"\ntenants.t.script = \"b.wasm\"",
    "handlers.a.source = \"a.js\"\ntenants.t.script = [\"b.js\"]",
    "handlers.a.config = [\"b\"]",
    "handlers.a.other_events = \"get\"",
    "handlers.a.other_events = true",
    "handlers.a.invoke_mode = \"RESPONSE_STREAM\"",
    "limits.streamed_response = 209715201",
    "handlers.a = {}\ntenants.t.other_events = \"post\"",
    "handlers.a.reuse = {}",
    "handlers.a.reuse = 100",
    "handlers.a.reuse.events = 0",
    "handlers.a.reuse.events = \"100\"",
    "handlers.a.reuse.seconds = 1",
    "handlers.a = {}\ntenants.t.reuse.events = 2",
    "receipts.format = \"xml\"",
    "receipts.namespace = \"X\"",
    "receipts = { format = \"emf\", namespace = \"AWS/X\" }",
    "outbound.extra_ca_certificates = \"ca.pem\"",
    "outbound.extra_ca_certificates = [\"/etc/ca.pem\"]",
    "build = {}",
    "build = \"make\"",
    "build.command = \" \"",
    "build = { command = \"make\", workdir = \"..\" }",
    "build = { command = \"make\", watch = [] }",
    "[[handlers]]",
    "handlers.reject = {}",
    "handlers.\"a b\" = {}",
    "handlers.a.source = \"a.wat\"",
    "handlers.a.source = \"../a.wasm\"",
    "handlers.a.digest = \"sha256:00\"",
    "handlers.a.memory = 1",
    "handlers.a.grants.environment = { AWS_REGION = \"x\" }",
    "handlers.a.grants.environment = { _A = \"x\" }",
    "handlers.a.grants.environment = { A = 1 }",
    "handlers.a.grants.environment = [\"A\"]",
    "handlers.a.grants.inherit_environment = [\"LAMBDA_TASK_ROOT\"]",
    "handlers.a.grants.inherit_environment = [\"A=B\"]",
    "handlers.a.grants.files = [\".\"]",
    "handlers.a.grants.files = [\"tmp/x\"]",
    "handlers.a.grants.files = [\"a/..\"]",
    "handlers.a.grants.allowed_outbound_hosts = [\"api.example.com\"]",
    "handlers.a.grants.allowed_outbound_hosts = [\"postgres://db\"]",
    "handlers.a.grants.allowed_outbound_hosts = [\"https://a/b\"]",
    "handlers.a.grants.allowed_outbound_hosts = [\"https://a@b\"]",
    "handlers.a.grants.allowed_outbound_hosts = [\"*://a\"]",
    "handlers.a.grants.allowed_private_networks = [\"localhost\"]",
    "handlers.a.max.source = \"a.wasm\"",
    "handlers.a.max.grants.environment = { A = \"x\" }",
    "handlers.a = {}\ntenants.\"\" = {}",
    "handlers.a = {}\ntenants.\"a\\u0000\" = {}",
    "handlers.a = {}\ntenants.t.max = {}",
    "handlers.a = {}\ntenants.t.handler = 1",
    "secrets.a = {}",
    "secrets.a = \"env:A\"",
    "secrets.a.from = \"sk_live\"",
    "secrets.a.from = \"env:AWS_SECRET_ACCESS_KEY\"",
    "secrets.a.from = \"ssm:a b\"",
    "secrets.a.from = \"secretsmanager:a#\"",
    "secrets.a.from = \"file:../a\"",
    "secrets.a = { from = \"env:A\", value = \"x\" }",
    "secrets.tenant.from = \"env:A\"",
    "secrets.\"a b\".from = \"env:A\"",
    "credentials.a = {}",
    "credentials.a = { hosts = [\"https://a.b\"] }",
    "credentials.a = { hosts = [], headers = {} }",
    "credentials.\"a b\" = { hosts = [\"https://a.b\"], headers = {} }",
    "credentials.a = { hosts = [\"http://a.b\"], headers = {} }",
    "credentials.a = { hosts = [\"https://*\"], headers = {} }",
    "credentials.a = { hosts = [\"https://*.com\"], headers = {} }",
    "credentials.a = { hosts = [\"https://a.b:*\"], headers = {} }",
    "credentials.a = { hosts = [\"https://a.b\"], headers = {}, sign = \"aws\" }",
    "credentials.a = { hosts = [\"https://a.b\"], headers = {}, region = \"eu-west-1\" }",
    "credentials.a = { hosts = [\"https://a.b\"], headers = { host = \"x\" } }",
    "credentials.a = { hosts = [\"https://a.b\"], headers = { \"a b\" = \"x\" } }",
    "credentials.a = { hosts = [\"https://a.b\"], headers = { a = \"x\\r\\ny\" } }",
    "credentials.a = { hosts = [\"https://a.b\"], headers = { a = \"{a\" } }",
    "credentials.a = { hosts = [\"https://a.b\"], query = { \"\" = \"x\" } }",
    "credentials.a = { hosts = [\"https://a.b\"], basic = { password = \"x\" } }",
    "credentials.a = { hosts = [\"https://a.b\"], basic = { user = \"a:b\" } }",
    "credentials.a = { hosts = [\"https://sqs.eu-west-1.amazonaws.com\"], sign = \"gcp\" }",
    "credentials.a = { hosts = [\"https://sqs.eu-west-1.amazonaws.com\"], sign = \"aws\", session_tags = {} }",
    "credentials.a = { hosts = [\"https://sqs.eu-west-1.amazonaws.com\"], sign = \"aws\", role = \"tenant\" }",
    "credentials.a = { hosts = [\"https://sqs.eu-west-1.amazonaws.com\"], sign = \"aws\", operations = [] }",
    "credentials.a = { hosts = [\"https://sqs.eu-west-1.amazonaws.com\"], sign = \"aws\", operations = [\"sqs:*\"] }",
    "credentials.a = { hosts = [\"https://sqs.eu-west-1.amazonaws.com\"], sign = \"aws\", role = \"arn:aws:iam::123456789012:role/a\", session_policy = \"[]\" }",
    "credentials.a = { hosts = [\"https://sqs.eu-west-1.amazonaws.com\"], sign = \"aws\", role = \"arn:aws:iam::123456789012:role/a\", session_tags = { a = \"{b}\" } }",
    "credentials.a = { hosts = [\"https://sqs.eu-west-1.amazonaws.com\"], sign = \"aws\", role = \"arn:aws:iam::123456789012:role/a\", session_tags.\"aws:a\" = \"b\" }",
    "store = {}",
    "store = { name = \"a b\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"https://a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"file://a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"s3://Tenants\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"s3://tenants//a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"s3://tenants/a b\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"s3://tenants\", region = \"EU\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"s3://tenants\", endpoint_url = \"s3.example.com\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"s3://tenants\", endpoint_url = \"https://s3.example.com/a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"file:///a%20b\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:AAAA\"] }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [] }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], cache = 1 }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], refresh = 5 }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], scripts = \"yes\" }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], limits.memory = 1 }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], max.grants.files = [\"a\"] }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], max.grants.inherit_environment = [\"A\"] }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], max.source = \"a\" }",
];

/// What takes more than a look at one value.
const BAD_BEYOND_THE_SCHEMA: &[&str] = &[
    "routing.unknown_tenant = \"nobody\"",
    "limits.memory = \"5GiB\"",
    "handlers.a.grants.allowed_private_networks = [\"169.254.0.0/16\"]",
    "handlers.a.grants.allowed_private_networks = [\"10.0.0.1/8\"]",
    "handlers.a.grants.allowed_outbound_hosts = [\"https://a:90..80\"]",
    "handlers.a.grants = { environment = { A = \"\" }, inherit_environment = [\"A\"] }",
    "handlers.a.grants.key_value = [\"absent\"]",
    "handlers.a.max.limits.memory = \"1MiB\"",
    "handlers.a.grants.credentials = [\"a\"]",
    "credentials.a = { hosts = [\"https://a.b\"], sign = \"aws\" }",
    "credentials.a = { hosts = [\"https://a.b\"], headers = { b = \"{a}\" } }",
    "credentials.a = { hosts = [\"https://a.b\"], headers = { B = \"\", b = \"\" } }",
    "credentials.a = { hosts = [\"https://s3.eu-west-1.amazonaws.com\"], sign = \"aws\", operations = [\"s3:GetObject\"] }",
    "tenants.t = {}",
    "handlers = { a = {}, b = {} }\ntenants.t = {}",
    "handlers.a = {}\ntenants.t.limits.memory = \"1GiB\"",
    "handlers.a = {}\ntenants.t.grants.files = [\"assets\"]",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], refresh = \"2h\" }",
    "store = { name = \"a\", url = \"file:///a\", region = \"eu-central-1\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"s3://10.0.0.1\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"s3://tenants/../a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"] }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], refresh = \"1m\", max_stale = \"1s\" }",
    "store = { name = \"a\", url = \"file:///a\", public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"], max.limits.memory = \"1MiB\" }",
];

#[test]
fn both_take_what_is_right() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for text in GOOD {
        parse(text);
        assert!(fits(&validator, text), "{text}");
    }
}

#[test]
fn both_refuse_what_is_wrong() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for text in BAD {
        assert!(Manifest::parse(text).is_err(), "{text}");
        assert!(!fits(&validator, text), "{text}");
    }
    for text in BAD_BEYOND_THE_SCHEMA {
        assert!(Manifest::parse(text).is_err(), "{text}");
        assert!(fits(&validator, text), "{text}");
    }
}

fn known(place: &str) -> Vec<&'static str> {
    match place {
        "" => sections::ROOT.to_vec(),
        "/properties/routing" => sections::ROUTING.to_vec(),
        "/properties/routing/properties/tenant/oneOf/1" => sections::TENANT_SOURCE[..1].to_vec(),
        "/properties/routing/properties/tenant/oneOf/2" => sections::TENANT_SOURCE[1..].to_vec(),
        "/properties/receipts" => sections::RECEIPTS.to_vec(),
        "/properties/build" => build::KEYS.to_vec(),
        "/properties/outbound" => sections::OUTBOUND.to_vec(),
        "/$defs/limits" => amounts::LIMITS.each_ref().map(|amount| amount.limit.key()).to_vec(),
        "/$defs/grants" | "/$defs/most_grants" => grants::KEYS.to_vec(),
        "/$defs/handler" => sections::HANDLER.to_vec(),
        "/$defs/handler/properties/reuse" | "/properties/store/properties/max/properties/reuse" => {
            sections::REUSE.to_vec()
        }
        "/$defs/handler/properties/max" => sections::MAX.to_vec(),
        "/$defs/tenant" => sections::TENANT.to_vec(),
        "/properties/secrets/additionalProperties" => secrets::KEYS.to_vec(),
        "/$defs/credential" => credentials::KEYS.to_vec(),
        "/$defs/credential/properties/basic" => credentials::BASIC.to_vec(),
        "/properties/stores/additionalProperties/oneOf/0" => vec![key_value::KEYS[0]],
        "/properties/stores/additionalProperties/oneOf/1" => key_value::KEYS[..2].to_vec(),
        "/properties/stores/additionalProperties/oneOf/2" => {
            key_value::KEYS.into_iter().filter(|key| *key != "path").collect()
        }
        "/properties/store" => store::KEYS.to_vec(),
        "/properties/store/properties/max" => store::MAX.to_vec(),
        other => panic!("the schema has a table at {other}, which the parser does not know"),
    }
}

/// Every table of the schema: where it stands, and its keys.
fn tables<'s>(schema: &'s Value, place: &str, found: &mut Vec<(String, &'s serde_json::Map<String, Value>)>) {
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        found.push((place.to_owned(), schema["properties"].as_object().unwrap()));
    }
    let children: Vec<(String, &Value)> = match schema {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (key, child) in children {
        tables(child, &format!("{place}/{key}"), found);
    }
}

#[test]
fn both_know_the_same_keys() {
    let schema = schema();
    let mut found = Vec::new();
    tables(&schema, "", &mut found);
    assert_eq!(found.len(), 23);
    for (place, properties) in found {
        let keys: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(keys, known(&place).into_iter().collect(), "{place}");
        for (key, property) in properties {
            assert!(property["description"].is_string(), "{place}/{key} is not described");
        }
    }
}

#[test]
fn both_have_the_same_ranges() {
    let schema = schema();
    for amount in &amounts::LIMITS {
        let property = &schema["$defs"]["limits"]["properties"][amount.limit.key()];
        if amount.unit != unit::Unit::Nanoseconds {
            let (least, most) = amount.range();
            assert_eq!(
                (&property["minimum"], &property["maximum"]),
                (&json!(least), &json!(most)),
                "{property}"
            );
        }
    }
}
