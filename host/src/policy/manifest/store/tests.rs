//! Whole `[store]` tables, and what their tenants may ask for.

use super::*;
use crate::policy::manifest::Manifest;
use crate::policy::{InvokeMode, OtherEvents};

const KEY: &str = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn store(more: &str) -> Store {
    let toml = format!(
        "limits.memory = '64MiB'\n[store]\nname = 'prod'\nurl = 'file:///mnt/tenants'\npublic_keys = ['{KEY}']\n{more}"
    );
    Manifest::parse(&toml).unwrap_or_else(|mistakes| panic!("{mistakes:?}")).store.unwrap()
}

fn mistakes(toml: &str) -> String {
    let mistakes = Manifest::parse(toml).expect_err(toml);
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn asked(toml: &str) -> Settings {
    Settings::parse(toml).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn refused(store: &Store, settings: &Settings) -> String {
    store.policy(settings).unwrap_err().to_string()
}

#[test]
fn a_store_has_defaults() {
    let plain = store("");
    let directory = StoreUrl::Directory("/mnt/tenants".into());
    assert_eq!((plain.name.as_str(), &plain.url, &plain.region), ("prod", &directory, &None));
    assert_eq!(plain.public_keys, [KEY.parse().unwrap()]);
    assert_eq!((plain.refresh, plain.max_stale), (Duration::from_secs(5), Duration::from_secs(3600)));
    assert_eq!(plain.cache, 256 << 20);
    let policy = plain.policy(&Settings::default()).unwrap();
    assert_eq!((policy.limits.memory, policy.events.get(), &*policy.handler), (64 << 20, 1, HANDLER));
    assert_eq!((policy.grants, policy.table.as_str()), (Grants::default(), "store.max.grants"));
    assert_eq!(plain.largest().limits.memory, 64 << 20);
    let other = store("refresh = '250ms'\nmax_stale = '1day'\ncache = '1GiB'");
    assert_eq!((other.refresh, other.max_stale), (Duration::from_millis(250), Duration::from_secs(86_400)));
    assert_eq!(other.cache, 1 << 30);
}

#[test]
fn a_tenant_of_a_store_brings_its_configuration() {
    let settings = asked("reuse.events = 1\n[config]\ngreeting = 'Hello'\n");
    let policy = store("").policy(&settings).unwrap();
    assert_eq!(policy.config, [("greeting".to_owned(), "Hello".to_owned())].into());
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(json, r#"{"config":{"greeting":"Hello"},"reuse":1}"#);
    assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
    let wrong = Settings::parse("[config]\ngreeting = 1\n").unwrap_err();
    assert_eq!((wrong[0].line, wrong[0].key.as_str()), (2, "config.greeting"));
}

#[test]
fn a_store_may_be_in_a_bucket() {
    let toml = |more: &str| format!("[store]\nname = 'prod'\npublic_keys = ['{KEY}']\n{more}");
    let parsed = |more: &str| Manifest::parse(&toml(more)).unwrap().store.unwrap();
    let plain = parsed("url = 's3://tenants'");
    assert_eq!((plain.url.to_string().as_str(), plain.region, plain.endpoint), ("s3://tenants", None, None));
    let other =
        parsed("url = 's3://tenants/prod/'\nregion = 'eu-central-1'\nendpoint_url = 'http://127.0.0.1:9000'");
    assert_eq!(
        (other.url.to_string().as_str(), other.region.as_deref()),
        ("s3://tenants/prod", Some("eu-central-1"))
    );
    assert_eq!(other.endpoint.unwrap().authority(), "127.0.0.1:9000");
    assert_eq!(
        mistakes(&toml("url = 'file:///a'\nregion = 'eu-central-1'\nendpoint_url = 's3.example.com'")),
        "5: store.region: this is for buckets, and `url` is a directory; leave it out\n\
         6: store.endpoint_url: this is for buckets, and `url` is a directory; leave it out\n\
         6: store.endpoint_url: \"s3.example.com\" is not the URL of a server: expected a URL such as \
         https://s3.example.com or http://127.0.0.1:9000"
    );
}

#[test]
fn every_mistake_has_its_line() {
    let toml = "[limits]\nmemory = '64MiB'\n[store]\nname = 'a b'\nurl = 's3://Bucket/prod'\npublic_keys = ['rsa:1']\n\
                refresh = '1m'\nmax_stale = '1s'\ncache = 1\nmemory = 1\n[store.max]\ntmp = 1\n[store.max.limits]\n\
                memory = '1MiB'\nconcurrency = 1\n[store.max.grants]\nfiles = ['a']\n";
    assert_eq!(
        mistakes(toml),
        "4: store.name: expected a name of 1 to 64 letters, digits and - _ .\n\
         5: store.url: \"s3://Bucket/prod\" does not name a bucket: a name has 3 to 63 lower-case letters, digits, - and ., \
         and begins and ends with a letter or a digit; expected the URL of a bucket, such as \"s3://bucket/prod\"\n\
         6: store.public_keys: the key does not begin with ed25519: or p256:; `bulkhead keygen` prints the public \
         key of a key file\n\
         9: store.cache: 1 byte is out of range; expected 1MiB to 10GiB; did you mean \"1MiB\"?\n\
         10: store.memory: there is no such key; [store.max] says what tenants of the store may have at most; `memory` \
         belongs there\n\
         12: store.max.tmp: there is no such key; `tmp` belongs under `grants`\n\
         17: store.max.grants.files: tenants of a store cannot have directories of the zip; leave it out"
    );
    assert_eq!(
        mistakes("[store]\nurl = 'file://host/a'\npublic_keys = []"),
        "1: store: the key `name` is missing; expected name = \"prod\", for example\n\
         2: store.url: \"file://host/a\" has a host, or a path that is not absolute; expected the URL of a \
         directory, such as \"file:///mnt/tenants\"\n\
         3: store.public_keys: expected 1 to 8 public keys; `bulkhead keygen` makes a key"
    );
    let more = format!(
        "[store]\nname = 'a'\nurl = 'file:///a'\npublic_keys = ['{KEY}']\nrefresh = '1m'\nmax_stale = '1s'\n\
         max.limits = {{ memory = '1MiB', concurrency = 1 }}"
    );
    assert_eq!(
        mistakes(&more),
        "6: store.max_stale: 1s is less than `refresh` (1m)\n\
         7: store.max.limits.memory: 1MiB is less than every tenant has without asking (128MiB, from [limits] or \
         the default); raise the former, or lower limits.memory"
    );
}

#[test]
fn a_tenant_has_what_it_asks_for_up_to_max() {
    let max = "[store.max.limits]\nmemory = '256MiB'\nconcurrency = 2\n[store.max.grants]\nenvironment = ['STAGE']\ntmp = '16MiB'\n\
               allowed_outbound_hosts = ['https://*.example.com']\nallowed_private_networks = ['10.0.0.0/8']\n\
               [store.max.reuse]\nevents = 100";
    let settings = asked(
        "reuse.events = 100\nother_events = 'post'\ninvoke_mode = 'response_stream'\n[limits]\nmemory = '256MiB'\n\
         cpu_time = '200ms'\nconcurrency = 2\n[grants]\nenvironment = { STAGE = 'prod' }\ntmp = '16MiB'\n\
         allowed_outbound_hosts = ['https://api.example.com']\nallowed_private_networks = ['10.1.0.0/16']",
    );
    let policy = store(max).policy(&settings).unwrap();
    assert_eq!((policy.limits.memory, policy.limits.cpu_time), (256 << 20, Duration::from_millis(200)));
    assert_eq!(policy.limits.concurrency.map(u16::from), Some(2));
    assert_eq!(
        (policy.events.get(), policy.other_events, policy.invoke_mode),
        (100, OtherEvents::Post, InvokeMode::ResponseStream)
    );
    assert_eq!(policy.grants.environment, [("STAGE".to_owned(), "prod".to_owned())].into());
    assert_eq!((policy.grants.tmp, policy.grants.allowed_outbound_hosts.len()), (16 << 20, 1));
    assert_eq!(store(max).largest().limits.memory, 256 << 20);
    // In JSON it is the same.
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
    // Without `max`, every part of it is too much.
    let text = refused(&store(""), &settings);
    for expected in [
        "limits.memory: 256MiB is more than the store allows (64MiB); raise store.max.limits.memory, or lower this value",
        "grants.tmp: 16MiB is more than the store allows (0 bytes); raise store.max.grants.tmp",
        "grants.environment: STAGE is not allowed by the store; add it to store.max.grants.environment",
        "grants.allowed_outbound_hosts: https://api.example.com is not allowed",
        "grants.allowed_private_networks: 10.1.0.0/16 is not allowed",
        "reuse.events: 100 is more than the store allows (1); raise store.max.reuse.events",
        "limits.concurrency: 2 is more than the store allows (1); raise store.max.limits.concurrency",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    assert!(!text.contains("cpu_time"), "less than all is no mistake: {text}");
}

#[test]
fn a_record_may_contain_anything_and_gets_nothing_that_is_not_valid() {
    let json = r#"{"limits": {"memory": 1, "speed": 2}, "grants": {"environment": {"AWS_REGION": "x", "A": "\u0000"},
        "allowed_outbound_hosts": ["example.com"], "allowed_private_networks": ["169.254.169.254"], "tmp": 99999999999999}}"#;
    let text = refused(&store("[store.max.grants]\ntmp = '10GiB'"), &serde_json::from_str(json).unwrap());
    for expected in [
        "limits.memory: 1 byte is out of range; expected 64KiB to 4194240KiB",
        "limits: there is no limit \"speed\"",
        "grants.environment: AWS_REGION is reserved by Lambda",
        "grants.environment: the value of A contains a NUL character",
        "grants.allowed_outbound_hosts: `example.com` has no scheme",
        "grants.allowed_private_networks: 169.254.169.254/32 is in 169.254.0.0/16",
        "grants.tmp: 99999999999999 bytes is out of range",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    for json in [r#"{"files": []}"#, r#"{"grants": {"files": ["a"]}}"#, r#"{"limits": {"memory": "1MiB"}}"#] {
        assert!(serde_json::from_str::<Settings>(json).is_err(), "{json}");
    }
}

#[test]
fn settings_that_are_not_valid_have_lines() {
    let mistakes = Settings::parse(
        "memory = 1\n[limits]\nmemory = 'lots'\n[grants]\nfiles = ['a']\ninherit_environment = ['A']\n[reuse]\n",
    );
    let mistakes: Vec<String> = mistakes.unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(mistakes.len(), 5, "{mistakes:#?}");
    for (mistake, expected) in mistakes.iter().zip([
        "1: memory: there is no such key; `memory` belongs under `limits`",
        "3: limits.memory: \"lots\" is not valid",
        "5: grants.files: tenants of a store cannot have directories of the zip",
        "6: grants.inherit_environment: tenants of a store cannot have variables of the function",
        "7: reuse: the key events is missing",
    ]) {
        assert!(mistake.starts_with(expected), "{mistake}");
    }
    assert_eq!(asked(""), Settings::default());
}

#[test]
fn a_tenant_takes_no_larger_share_of_an_environment_than_the_store_says() {
    let asked = |number: u32| asked(&format!("limits.concurrency = {number}"));
    let plain = store("");
    assert!(plain.policy(&asked(1)).is_ok(), "the share is never less than one");
    assert!(
        refused(&plain, &asked(2)).starts_with("limits.concurrency: 2 is more than the store allows (1)")
    );
    let wide = store("max.limits.concurrency = 4");
    assert!(wide.policy(&asked(4)).is_ok() && wide.policy(&asked(5)).is_err());
    assert_eq!(wide.policy(&Settings::default()).unwrap().limits.concurrency, None, "the share");
}
