//! Whole files: what is made of them, and every mistake of one at once.

mod schema;

use std::time::Duration;

use super::*;
use crate::policy::{InvokeMode, MAX_RESPONSE, OtherEvents};

fn parse(text: &str) -> Manifest {
    Manifest::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

/// The mistakes, one a line.
fn mistakes(text: &str) -> String {
    let mistakes = Manifest::parse(text).expect_err(text);
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_empty_file_grants_nothing() {
    let manifest = parse("");
    assert_eq!(manifest.handlers, []);
    assert!(manifest.tenants.is_empty());
    assert_eq!(manifest.routing, Routing::default());
    assert_eq!(manifest.receipts, Receipts::Json);
    assert_eq!(manifest.default_policy("hello"), Policy::default_for("hello"));
}

#[test]
fn the_file_of_the_documentation() {
    let manifest = parse(
        r#"
        #:schema https://example.com/bulkhead.schema.json
        [routing]
        tenant = { pointer = "/detail/tenant" }
        unknown_tenant = "hello"
        mixed_batches = "split"
        invalid_handler = "fail_events"

        [limits]
        memory = "256MiB"
        logs = 1024

        [receipts]
        format = "emf"

        [outbound]
        extra_ca_certificates = ["./certs/ca.pem"]

        [handlers.hello]
        digest = "sha256:00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"
        limits.cpu_time = "1m 30s"
        [handlers.hello.grants]
        environment = { STAGE = "prod" }
        inherit_environment = ["TABLE_NAME"]
        allowed_outbound_hosts = ["https://api.example.com"]
        allowed_private_networks = ["10.1.0.0/16"]
        files = ["assets/"]
        tmp = "16MiB"

        [handlers.a]
        source = "lib/other.cwasm"

        [tenants.acme]
        handler = "hello"
        limits.cpu_time = "200ms"
        [tenants."corp.example"]
        handler = "a"
        "#,
    );
    assert_eq!(manifest.routing.tenant, TenantSource::Pointer("/detail/tenant".parse().unwrap()));
    assert_eq!(manifest.routing.unknown_tenant, UnknownTenant::Handler(1));
    assert_eq!(manifest.routing.mixed_batches, MixedBatches::Split);
    assert_eq!(manifest.routing.invalid_handler, InvalidHandler::FailEvents);
    assert_eq!(manifest.receipts, Receipts::Emf { namespace: "Bulkhead".to_owned() });
    assert_eq!(manifest.extra_ca_certificates, [PathBuf::from("certs/ca.pem")]);
    assert_eq!(manifest.default.limits.memory, 256 << 20);
    let [a, hello] = &manifest.handlers[..] else { panic!("{:?}", manifest.handlers) };
    assert_eq!((a.name.as_str(), a.source.to_str()), ("a", Some("lib/other.cwasm")));
    assert_eq!((hello.name.as_str(), hello.source.to_str()), ("hello", Some("hello.wasm")));
    assert_eq!(&hello.digest.as_ref().unwrap()[..39], "sha256:00112233445566778899aabbccddeeff");
    let Policy { handler, table, limits, grants, config, events, other_events, invoke_mode } = &*hello.policy;
    assert_eq!((events.get(), *other_events, *invoke_mode), (1, OtherEvents::Reject, InvokeMode::Buffered));
    assert_eq!((&**handler, table.as_str()), ("hello", "handlers.hello.grants"));
    assert_eq!((limits.memory, limits.logs, limits.response), (256 << 20, 1024, MAX_RESPONSE));
    assert_eq!((limits.cpu_time, config.len()), (Duration::from_secs(90), 0));
    assert_eq!(grants.environment, [("STAGE".to_owned(), "prod".to_owned())].into());
    assert_eq!(grants.inherit_environment, ["TABLE_NAME".to_owned()].into());
    assert_eq!(grants.files, [PathBuf::from("assets")].into());
    assert_eq!(grants.tmp, 16 << 20);
    assert_eq!(grants.allowed_outbound_hosts, ["https://api.example.com".parse().unwrap()]);
    assert_eq!(grants.allowed_private_networks, ["10.1.0.0/16".parse().unwrap()]);
    assert_eq!(manifest.tenants["acme"].policy.limits.cpu_time, Duration::from_millis(200));
    assert_eq!(manifest.tenants["corp.example"].handler, 0);
}

#[test]
fn headers_are_kept_in_lower_case() {
    let manifest = parse("routing.tenant = { header = \"X-Tenant\" }");
    assert_eq!(manifest.routing.tenant, TenantSource::Header("x-tenant".to_owned()));
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = r#"[routing]
tenant = { pointer = "detail" }
unknown_tenant = "helo"
[limit]
[limits]
memroy = "1MiB"
wall_time = 5
response = "7MiB"
[handlers.hello]
source = "../hello.wasm"
digest = "md5:1"
memory = "1MiB"
[handlers.hello.limits]
memory = "128MiB"
[handlers.hello.grants]
environment = { AWS_SECRET_ACCESS_KEY = "x", STAGE = 1 }
files = ["/etc"]
allowed_outbound_hosts = [
  "https://api.example.com/v1",
  "https://fine.example.com",
  "postgres://db",
]
allowed_private_networks = ["169.254.169.254"]
[handlers.hello.max.limits]
memory = "64MiB"
[tenants.acme]
handler = "hello"
[tenants.acme.limits]
memory = "256MiB"
cpu_time = "2s"
[tenants."corp.example"]
handler = "goodbye"
max.limits.memory = "1GiB"
[receipts]
format = "xml"
"#;
    let expected = r#"2: routing.tenant.pointer: a JSON pointer starts with a slash, such as "/detail/tenant"
3: routing.unknown_tenant: there is no handler "helo"; did you mean "hello"?
4: limit: there is no such key; did you mean `limits`?
6: limits.memroy: there is no such key; did you mean `memory`?
7: limits.wall_time: this is a whole number; expected a duration, such as "200ms", "5s" or "1m 30s"
8: limits.response: 7MiB is out of range; expected 1 byte to 6291556 bytes
10: handlers.hello.source: "../hello.wasm" leads out of the task root; leave out the `..`
11: handlers.hello.digest: "md5:1" is not a valid digest; expected sha256: and 64 hexadecimal digits
12: handlers.hello.memory: there is no such key; `memory` belongs under `limits`
16: handlers.hello.grants.environment.AWS_SECRET_ACCESS_KEY: AWS_SECRET_ACCESS_KEY is reserved by Lambda and never given to a handler; choose another name
16: handlers.hello.grants.environment.STAGE: this is a whole number; expected a string
17: handlers.hello.grants.files: "/etc" is not relative to the task root; leave out the leading slash
19: handlers.hello.grants.allowed_outbound_hosts: the entry contains a path or query, `/v1`; requests are allowed by scheme, host and port only, so leave it out
21: handlers.hello.grants.allowed_outbound_hosts: `postgres` is not a valid scheme; use http, https, or * for both
23: handlers.hello.grants.allowed_private_networks: 169.254.169.254/32 is in 169.254.0.0/16 (link-local, where the metadata and credentials of the instance are), which cannot be granted
25: handlers.hello.max.limits.memory: 64MiB is less than the handler's own value (128MiB, line 14); raise the former, or lower the latter
29: tenants.acme.limits.memory: 256MiB is more than handlers.hello allows (64MiB, line 25); raise handlers.hello.max.limits.memory, or lower this value
30: tenants.acme.limits.cpu_time: 2s is more than handlers.hello allows (1s, the default); raise handlers.hello.max.limits.cpu_time, or lower this value
32: tenants."corp.example".handler: there is no handler "goodbye"; add [handlers.goodbye]
33: tenants."corp.example".max: there is no such key; the bounds of tenants belong to their handler: [handlers.NAME.max]
35: receipts.format: this is "xml"; expected "json" or "emf" or "off""#;
    assert_eq!(mistakes(text), expected);
}

#[test]
fn what_is_not_toml_is_told_beside_the_rest() {
    let text =
        "[limits]\nmemory = \nlogs = true\nlogs = 1\n[handlers.hello\n[handlers.b]\nsorce = \"b.wasm\"\n";
    let told = mistakes(text);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 5, "{told}");
    assert!(lines[0].starts_with("2: memory: not valid TOML: "), "{told}");
    assert!(lines[1].starts_with("3: limits.logs: this is true or false"), "{told}");
    assert_eq!(
        lines[2],
        "4: logs: not valid TOML: column 1: this key has a value already; remove one of the two"
    );
    assert!(lines[3].starts_with("5: [handlers.hello: not valid TOML: "), "{told}");
    assert!(
        lines[4].starts_with("7: handlers.b.sorce: there is no such key; did you mean `source`?"),
        "{told}"
    );
}

#[test]
fn odd_text_is_a_mistake_and_never_a_panic() {
    for text in [
        "\u{feff}",
        "=",
        "[",
        "[[handlers]]",
        "a.b.c = 1",
        "\"",
        "'''",
        "\0",
        "[handlers]\r\nhello = 1",
        "é=é",
    ] {
        let _ = Manifest::parse(text);
    }
    let deep = format!("limits = {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(Manifest::parse(&deep).is_err());
    assert_eq!(
        mistakes("[[handlers]]"),
        "1: handlers: this is an array; expected a table, such as { hello = { source = \"hello.wasm\" } }"
    );
    assert!(mistakes("handlers.hello = 1\r\n\r\nx = 2").ends_with(
        "3: x: there is no such key; the keys here are routing, limits, handlers, tenants, stores, store, credentials, secrets, receipts, outbound, build"
    ));
}

#[test]
fn names_and_ids() {
    for name in ["hello", "a.b-c_D9", &"x".repeat(64)] {
        parse(&format!("[handlers.\"{name}\"]"));
    }
    for name in ["", "a b", "a/b", "é", "reject", &"x".repeat(65)] {
        assert!(mistakes(&format!("[handlers.\"{name}\"]")).contains("handlers."), "{name:?}");
    }
    for id in ["1", "a b", "é", "a/b:c", "reject", &"x".repeat(1024)] {
        assert!(parse(&format!("[handlers.a]\n[tenants.\"{id}\"]")).tenants.contains_key(id));
    }
    for id in ["", r"a\u0000", r"a\nb", &"x".repeat(1025)] {
        assert!(
            mistakes(&format!("[handlers.a]\n[tenants.\"{id}\"]")).contains("expected a tenant id"),
            "{id:?}"
        );
    }
}

#[test]
fn the_namespace_is_for_embedded_metrics() {
    let emf = parse("receipts = { format = \"emf\", namespace = \"Team/Handlers\" }");
    assert_eq!(emf.receipts, Receipts::Emf { namespace: "Team/Handlers".to_owned() });
    assert_eq!(parse("receipts.format = \"off\"").receipts, Receipts::Off);
    for receipts in ["namespace = \"X\"", "format = \"off\"\nnamespace = \"X\""] {
        assert!(
            mistakes(&format!("[receipts]\n{receipts}")).contains("a namespace requires embedded metrics")
        );
    }
    assert!(
        mistakes("receipts = { format = \"emf\", namespace = \"AWS/Lambda\" }")
            .contains("is not a valid CloudWatch namespace")
    );
}

#[test]
fn a_variable_is_fixed_or_inherited() {
    let text = "[handlers.a.grants]\nenvironment = { STAGE = \"x\" }\ninherit_environment = [\"STAGE\"]";
    assert_eq!(
        mistakes(text),
        "3: handlers.a.grants.inherit_environment: STAGE has a value already (line 2); either inherit it \
         or give it a value"
    );
}

#[test]
fn inherited_variables_are_taken_over_once_and_stay_shared() {
    let mut manifest = parse(
        "[handlers.a.grants]\nenvironment = { STAGE = \"prod\" }\ninherit_environment = [\"TABLE\", \"GONE\"]\n\
         [handlers.b]\n[tenants.t1]\nhandler = \"a\"\n[tenants.t2]\nhandler = \"a\"\n\
         [tenants.t3]\nhandler = \"a\"\ngrants.inherit_environment = []\n\
         [tenants.t4]\nhandler = \"a\"\ngrants = { environment = {}, inherit_environment = [\"GONE\"] }",
    );
    let vars = HashMap::from([("TABLE", "users"), ("STAGE", "of the process")]);
    assert_eq!(manifest.inherit(&vars), ["GONE"]);
    let environment = |policy: &Policy| policy.grants.environment.clone().into_iter().collect::<Vec<_>>();
    let var = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let a = &manifest.handlers[0].policy;
    assert_eq!(environment(a), [var("STAGE", "prod"), var("TABLE", "users")]);
    assert!(Arc::ptr_eq(a, &manifest.tenants["t1"].policy));
    assert!(Arc::ptr_eq(a, &manifest.tenants["t2"].policy));
    assert_eq!(environment(&manifest.tenants["t3"].policy), [var("STAGE", "prod")]);
    assert_eq!(environment(&manifest.tenants["t4"].policy), []);
    assert_eq!(environment(&manifest.handlers[1].policy), []);
}

#[test]
fn a_missing_file_is_none_and_a_wrong_one_names_itself() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(Manifest::read(root.path()).unwrap(), None);
    let path = root.path().join(FILE);
    std::fs::write(&path, "[limits]\nmemory = 1\nlogs = -1\n").unwrap();
    let text = Manifest::read(root.path()).unwrap_err().to_string();
    let expected = ["2: limits.memory: 1 byte is out of range", "3: limits.logs: -1 is out of range"];
    for (line, expected) in text.lines().zip(expected) {
        assert!(line.starts_with(&format!("{}:{expected}", path.display())), "{text}");
    }
    assert_eq!(text.lines().count(), 2);
    std::fs::write(&path, b"\xff").unwrap();
    assert!(matches!(Manifest::read(root.path()), Err(ManifestError::Read { .. })));
}

#[test]
fn a_sandbox_is_reused_as_often_as_its_handler_says_for_its_tenants_too() {
    let manifest = parse(
        "handlers.a.reuse.events = 100\nhandlers.b = {}\ntenants.t.handler = \"a\"\ntenants.t.limits.logs = 1",
    );
    let events = |policy: &Policy| policy.events.get();
    assert_eq!((events(&manifest.handlers[0].policy), events(&manifest.handlers[1].policy)), (100, 1));
    assert_eq!(events(&manifest.tenants["t"].policy), 100);
}

#[test]
fn what_a_service_does_with_other_events_is_its_handlers_to_say() {
    let manifest = parse("handlers.a.other_events = \"post\"\nhandlers.b = {}\ntenants.t.handler = \"a\"");
    let handlers: Vec<_> = manifest.handlers.iter().map(|handler| handler.policy.other_events).collect();
    assert_eq!(handlers, [OtherEvents::Post, OtherEvents::Reject]);
    assert_eq!(manifest.tenants["t"].policy.other_events, OtherEvents::Post);
    let manifest = parse("handlers.a.invoke_mode = \"response_stream\"\ntenants.t.handler = \"a\"");
    assert_eq!(manifest.tenants["t"].policy.invoke_mode, InvokeMode::ResponseStream);
}

#[test]
fn a_tenant_s_concurrency_is_bounded_only_where_its_handler_s_is() {
    let of = |toml: &str| parse(toml).tenants["t"].policy.limits.concurrency.map(u16::from);
    assert_eq!(of("handlers.a = {}\ntenants.t = {}"), None);
    assert_eq!(of("handlers.a = {}\ntenants.t.limits.concurrency = 16"), Some(16));
    assert_eq!(of("handlers.a.limits.concurrency = 4\ntenants.t = {}"), Some(4));
    assert!(Manifest::parse("handlers.a.limits.concurrency = 4\ntenants.t.limits.concurrency = 5").is_err());
}

#[test]
fn several_tenants_share_where_events_say_whose_they_are() {
    let two = "handlers.a = {}\ntenants.t = {}\ntenants.u = {}";
    let open = "routing = { tenant = { header = \"X-T\" }, unknown_tenant = \"a\" }\nhandlers.a = {}";
    let one = "handlers.a = {}\ntenants.t = {}";
    let one_and_strangers = "routing.unknown_tenant = \"a\"\nhandlers.a = {}\ntenants.t = {}";
    let strangers = "routing.unknown_tenant = \"a\"\nhandlers.a = {}";
    for (toml, shared) in
        [("", false), (one, false), (two, true), (open, true), (one_and_strangers, true), (strangers, false)]
    {
        assert_eq!(parse(toml).serves_several(), shared, "{toml}");
    }
}

#[test]
fn handlers_of_one_source_have_one_component() {
    let components = |toml: &str| parse(toml).components();
    assert_eq!(components("limits.memory = \"64 MiB\""), 1);
    assert_eq!(components("handlers.a.source = \"x.wasm\"\nhandlers.b.source = \"x.cwasm\""), 1);
    assert_eq!(components("handlers.a = {}\nhandlers.b = {}"), 2);
}
