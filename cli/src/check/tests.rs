#[cfg(feature = "cross")]
use bulkhead_host::engine::Target;
use bulkhead_host::policy::manifest::FILE;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::report::Report;
use super::*;
use crate::compile::tests::handler as smallest;

/// A task root with this manifest and the smallest handler under these names.
fn root(toml: &str, handlers: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    if !toml.is_empty() {
        std::fs::write(root.path().join(FILE), toml).unwrap();
    }
    for name in handlers {
        std::fs::write(root.path().join(name), smallest()).unwrap();
    }
    root
}

fn check(root: &Path, handler: Option<&str>) -> Report {
    examine(root, handler).unwrap()
}

fn value(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()
}

fn mistakes(report: &Report) -> Vec<String> {
    report.mistakes.iter().map(ToString::to_string).collect()
}

const TENANTS: &str = r#"
    [routing]
    unknown_tenant = "hello"
    [limits]
    wall_time = "3s"
    [handlers.hello]
    [handlers.hello.grants]
    environment = { STAGE = "prod", LEVEL = "info" }
    tmp = "1MiB"
    [handlers.hello.max.limits]
    memory = "256MiB"
    [tenants.acme]
    limits = { cpu_time = "200ms", memory = "256MiB" }
    [tenants.beta]
    [tenants.gamma]
    grants = { environment = { STAGE = "test" }, tmp = "0" }
    [tenants.delta]
    grants = { tmp = "0", environment = { STAGE = "test" } }
"#;

/// The smallest handler, with 75 instances of an empty module beside its own.
fn with_many_instances() -> Vec<u8> {
    let mut wasm = smallest();
    wasm.extend(*b"\x01\x08\0asm\x01\0\0\0");
    // A section of 226 bytes: each instance is of the second module, and is given nothing.
    wasm.extend([2, 0xe2, 0x01, 75]);
    (0..75).for_each(|_| wasm.extend([0, 1, 0]));
    wasm
}

#[test]
fn what_does_not_fit_into_a_sandbox_is_a_mistake_with_the_numbers() {
    for (instances, expected) in
        [("", Some(40)), ("limits.instances = 75", Some(75)), ("limits.instances = 76", None)]
    {
        let root = root(&format!("[handlers.hello]\n{instances}"), &[]);
        std::fs::write(root.path().join("hello.wasm"), with_many_instances()).unwrap();
        let mistakes = mistakes(&check(root.path(), None));
        let Some(most) = expected else {
            assert_eq!(mistakes, [] as [String; 0]);
            continue;
        };
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        let numbers = format!("76 core module instances, which exceeds the configured maximum of {most}");
        assert!(mistakes[0].contains(&numbers), "{mistakes:?}");
        assert!(
            mistakes[0].contains("compose the component from fewer modules, or raise the limit"),
            "{mistakes:?}"
        );
    }
}

#[test]
fn tenants_of_one_policy_are_told_together_with_what_is_different() {
    let root = root(TENANTS, &["hello.wasm"]);
    let report = check(root.path(), None);
    assert_eq!(mistakes(&report), [] as [String; 0]);
    let text = print::text(&report, false);
    let expected = "  \
  for events of unknown tenants, or without a tenant, and for beta
    wall_time    3s
    environment  LEVEL, STAGE
    tmp          1MiB
  for acme
    memory       256MiB  wider: the handler has 128MiB
    wall_time    3s
    cpu_time     200ms  narrower: the handler has 1s
    environment  LEVEL, STAGE
    tmp          1MiB
  for delta, gamma
    wall_time    3s
    environment  STAGE  in place of the handler's: LEVEL, STAGE
    tmp          nothing  in place of the handler's: 1MiB
";
    assert!(text.contains(expected), "{text}");
    assert!(text.ends_with("bulkhead.toml: 1 handler, 4 tenants, 0 mistakes, 0 warnings\n"), "{text}");
    assert!(!text.contains("prod"), "values of variables are nobody's business: {text}");
    let all = print::text(&report, true);
    assert!(all.contains("    outbound_bytes        16MiB\n"), "{all}");
    let value = value(&report);
    let acme = &value["handlers"][0]["policies"][1];
    assert_eq!((&acme["tenants"], &acme["events"]), (&json!(["acme"]), &Value::Null));
    let memory = json!({
        "key": "memory", "value": 256 << 20, "unit": "bytes", "text": "256MiB", "default": false,
        "change": { "wider": "128MiB" },
    });
    assert_eq!(acme["limits"][0], memory);
}

#[test]
fn a_thousand_tenants_are_one_line() {
    let tenants: String = (1000..2000).map(|id| format!("[tenants.t{id}]\n")).collect();
    let root = root(&format!("[handlers.hello]\n{tenants}"), &["hello.wasm"]);
    let report = check(root.path(), None);
    let text = print::text(&report, false);
    assert!(
        text.contains("\n  for t1000, t1001, t1002, … (+997)\n    the default limits, no grants\n"),
        "{text}"
    );
    assert_eq!(value(&report)["handlers"][0]["policies"][0]["tenants"].as_array().unwrap().len(), 1000);
}

#[test]
fn without_a_manifest_the_only_component_is_checked() {
    let root = root("", &["hello.wasm"]);
    let report = check(root.path(), None);
    assert_eq!((mistakes(&report), report.manifest.is_none()), (vec![], true));
    let text = print::text(&report, false);
    assert!(text.starts_with("handler hello\n  component  "), "{text}");
    assert!(text.contains("\n  exports    bulkhead:lambda@0.1.0: handler\n"), "{text}");
    assert!(text.contains("  for every event\n    the default limits, no grants\n"), "{text}");
    std::fs::write(root.path().join("other.wasm"), smallest()).unwrap();
    let several = check(root.path(), None);
    let [mistake] = &mistakes(&several)[..] else { panic!("{several:?}") };
    assert!(mistake.contains("has hello, other; name one of them with --handler"), "{mistake}");
    let text = print::text(&several, false);
    assert!(text.starts_with("handler hello\n") && text.contains("\nhandler other\n"), "{text}");
    assert!(text.ends_with("no grants: 2 handlers, 0 tenants, 1 mistake, 0 warnings\n"), "{text}");
    assert_eq!(mistakes(&check(root.path(), Some("other"))), [] as [String; 0]);
    let empty = tempfile::tempdir().unwrap();
    assert!(mistakes(&check(empty.path(), None))[0].contains("contains no component; add one"));
}

#[test]
fn limits_alone_hold_for_the_only_component() {
    let root = root("limits.memory = \"64MiB\"", &["hello.wasm"]);
    let text = print::text(&check(root.path(), None), false);
    assert!(text.contains("handler hello\n") && text.contains("    memory  64MiB\n"), "{text}");
}

#[test]
fn every_mistake_outside_the_file_is_told_too() {
    let toml = r#"
        outbound.extra_ca_certificates = ["gone.pem", "bad.pem"]
        [handlers.a]
        source = "gone.wasm"
        [handlers.b]
        source = "core.wasm"
        [handlers.c]
        source = "good.wasm"
        digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
        [handlers.d]
        source = "good.wasm"
        grants.files = ["good.wasm", "nowhere", "here"]
        [tenants.acme]
        handler = "d"
    "#;
    let root = root(toml, &["good.wasm"]);
    std::fs::write(root.path().join("core.wasm"), b"\0asm\x01\0\0\0").unwrap();
    std::fs::write(root.path().join("bad.pem"), b"no PEM").unwrap();
    std::fs::create_dir(root.path().join("here")).unwrap();
    let report = check(root.path(), None);
    let found = mistakes(&report);
    let expected = [
        "bulkhead.toml:2: outbound.extra_ca_certificates: gone.pem does not exist; the only .pem file",
        "bad.pem cannot be used",
        "gone.wasm does not exist, and neither does a .cwasm of that name",
        "core.wasm: this is a core module",
        "bulkhead.toml:9: handlers.c.digest: ",
        "bulkhead.toml:12: handlers.d.grants.files: ",
        "`nowhere` does not exist; add it to the package",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{expected:?} is not in {found}");
    }
    assert!(found[5].contains("`good.wasm` is not a directory"), "{}", found[5]);
    assert_eq!(report.warnings.len(), 4, "a, b and c get no event: {:#?}", report.warnings);
    assert!(report.warnings[0].contains("extra_ca_certificates has no effect"), "{:#?}", report.warnings);
}

#[test]
fn what_cannot_be_known_here_is_a_warning() {
    let toml = "[handlers.a]\ngrants.inherit_environment = [\"TABLE\"]\n[handlers.b]\nsource = \"a.wasm\"";
    let root = root(toml, &["a.wasm"]);
    let report = check(root.path(), None);
    assert_eq!(report.warnings.len(), 2, "{:?}", report.warnings);
    assert!(report.warnings[0].contains("_HANDLER decides") && report.warnings[0].ends_with("a, b"));
    assert!(report.warnings[1].starts_with("a inherits TABLE from the function's environment"));
    assert_eq!(check(root.path(), Some("b")).warnings.len(), 1);
    let wrong = mistakes(&check(root.path(), Some("c")));
    assert_eq!(wrong[0], "there is no handler \"c\"; the handlers are a and b");
}

#[cfg(feature = "cross")]
#[test]
fn code_for_another_processor_is_checked_as_far_as_that_goes() {
    let other = if Target::host() == Some(Target::X86_64) { Target::Aarch64 } else { Target::X86_64 };
    let root = root("[handlers.hello]", &[]);
    let mut cwasm = bulkhead_host::wasm::compile(&smallest(), &smallest(), other).unwrap();
    std::fs::write(root.path().join("hello.cwasm"), &cwasm).unwrap();
    let report = check(root.path(), None);
    assert_eq!(mistakes(&report), [] as [String; 0]);
    assert!(report.warnings[0].contains(other.name()), "{:?}", report.warnings);
    assert_eq!(
        value(&report)["handlers"][0]["component"]["checked"],
        json!({ "stampOnly": { "target": other.name() } })
    );
    let wrong = format!("handlers.hello.digest = \"sha256:{}\"", "0".repeat(64));
    std::fs::write(root.path().join(FILE), wrong).unwrap();
    assert!(mistakes(&check(root.path(), None))[0].contains("handlers.hello.digest: "));
    cwasm[100] ^= 1;
    std::fs::write(root.path().join("hello.cwasm"), &cwasm).unwrap();
    assert!(mistakes(&check(root.path(), None))[0].contains("checksum"));
}

#[test]
fn what_an_event_s_reset_costs_is_shown_for_each_component() {
    let root = root("", &["hello.wasm"]);
    let report = check(root.path(), None);
    let expected =
        json!({ "initialMemory": 65536, "inPlace": 65536, "inPlaceOfSeveral": 65536, "stack": null });
    assert_eq!(value(&report)["handlers"][0]["component"]["reset"], expected);
    let text = print::text(&report, false);
    assert!(text.lines().any(|line| line.split_whitespace().eq(["reset", "64.0", "KiB"])), "{text}");
}

#[test]
fn what_is_said_of_services_about_another_kind_is_pointed_out() {
    let toml = "handlers.hello = { invoke_mode = \"response_stream\", other_events = \"post\" }\nhandlers.plain = {}";
    let root = root(toml, &["hello.wasm", "plain.wasm"]);
    let report = check(root.path(), Some("hello"));
    let idle: Vec<_> = report.warnings.iter().filter(|text| text.contains("has no effect")).collect();
    assert_eq!(idle.len(), 2, "{:?}", report.warnings);
    assert!(
        idle[0].starts_with("handlers.hello.other_events has no effect: it is for HTTP services"),
        "{}",
        idle[0]
    );
    assert!(idle[1].contains("hello.invoke_mode") && idle[1].contains("of the kind handler"), "{}", idle[1]);
    assert_eq!(value(&report)["handlers"][0]["component"]["kind"], "handler");
}

#[test]
fn a_function_with_a_store_needs_no_handlers() {
    const KEY: &str = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let toml = format!(
        "[store]\nname = 'prod'\nurl = 'file:///mnt/tenants'\npublic_keys = ['{KEY}']\nmax.limits.memory = '256MiB'\n"
    );
    let report = check(root(&toml, &[]).path(), None);
    assert_eq!((mistakes(&report), report.handlers.len()), (vec![], 0));
    let expected = format!(
        "store prod\n  directory  /mnt/tenants\n  keys       {KEY}\n  each tenant at most\n    memory  256MiB\n"
    );
    let text = print::text(&report, false);
    assert!(text.starts_with(&expected), "{text}");
    let store = &value(&report)["store"];
    assert_eq!((&store["name"], &store["publicKeys"][0]), (&json!("prod"), &json!(KEY)));
    let bucket = toml.replace("file:///mnt/tenants", "s3://tenants/prod");
    let report = check(root(&bucket, &[]).path(), None);
    assert!(
        print::text(&report, false)
            .starts_with("store prod\n  bucket  s3://tenants/prod\n  keys    ed25519:")
    );
    assert_eq!(value(&report)["store"]["bucket"], "s3://tenants/prod");
    // A handler beside it gets the events that its tenants say, and no others.
    let report = check(root(&format!("{toml}[handlers.hello]\n"), &["hello.wasm"]).path(), None);
    let idle = |text: &String| text.starts_with("the handler hello gets no events");
    assert!(report.warnings.iter().any(idle), "{:?}", report.warnings);
}
