//! `bulkhead.toml` at init: what is wrong with it is told whole, and what it names has to be there.

use bulkhead_tests::{Bootstrap, RuntimeApi, TaskRoot};

use crate::stage::Stage;

/// Starts on this manifest, which must not go well, and gives the report of `/init/error`: type and text.
fn refused(root: &TaskRoot) -> (String, String) {
    let api = RuntimeApi::start();
    let mut running = Bootstrap::new().task_root(root).api(&api).spawn();
    let report = api.init_error();
    assert_eq!(running.exit_code(), 1);
    let kind = report.header("Lambda-Runtime-Function-Error-Type").expect("a type");
    let kind = String::from_utf8_lossy(kind).into_owned();
    let body: serde_json::Value = serde_json::from_slice(&report.body).expect("a report in JSON");
    let text = body["errorMessage"].as_str().expect("a message").to_owned();
    assert!(running.logs().contains("FATAL"), "{}", running.logs());
    (kind, text)
}

fn root(toml: &str) -> TaskRoot {
    TaskRoot::new().manifest(toml).with("hello")
}

#[test]
fn every_mistake_is_told_at_once_with_file_line_and_key() {
    let toml = "[limits]\nmemory = 'lots'\ncpu = '1s'\n[handlers.hello]\n[handlers.hello.grants]\nenvironment = { \
                AWS_LAMBDA_RUNTIME_API = 'x' }\n[tenants.acme]\nhandler = 'hullo'\n";
    let (kind, text) = refused(&root(toml));
    assert_eq!(kind, "Runtime.ConfigInvalid");
    for (line, key) in [
        (2, "limits.memory"),
        (3, "limits.cpu"),
        (6, "handlers.hello.grants.environment.AWS_LAMBDA_RUNTIME_API"),
        (8, "tenants.acme.handler"),
    ] {
        assert!(text.contains(&format!("bulkhead.toml:{line}: {key}: ")), "line {line}, {key}:\n{text}");
    }
}

#[test]
fn a_tenant_that_is_given_more_than_its_handler_may_give_is_a_mistake() {
    let tenant = "[handlers.hello]\n[handlers.hello.limits]\nmemory = '64MiB'\n[tenants.acme.limits]\nmemory = '65MiB'\n";
    let (kind, text) = refused(&root(tenant));
    assert_eq!(kind, "Runtime.ConfigInvalid");
    assert!(
        text.contains("tenants.acme.limits.memory") && text.contains("handlers.hello.max.limits"),
        "{text}"
    );
    // In the other direction, or with the handler's leave, it is none.
    let narrower = tenant.replace("65MiB", "63MiB");
    let with_leave = format!("{tenant}[handlers.hello.max.limits]\nmemory = '65MiB'\n");
    for toml in [narrower, with_leave] {
        Stage::of_manifest(&toml, &["hello"]);
    }
}

#[test]
fn a_network_that_nobody_reaches_cannot_be_granted() {
    for (network, what) in [
        ("203.0.113.0/24", "for documentation"),
        ("198.51.100.0/24", "for documentation"),
        ("192.0.2.1", "for documentation"),
        ("198.18.0.0/15", "for benchmarks"),
        ("2001:db8::/32", "for documentation"),
        ("240.0.0.0/4", "reserved"),
    ] {
        let toml = format!("[handlers.hello.grants]\nallowed_private_networks = ['{network}']");
        let (kind, text) = refused(&root(&toml));
        assert_eq!(kind, "Runtime.ConfigInvalid");
        assert!(text.contains(&format!("({what}), which cannot be granted")), "{network}: {text}");
    }
}

#[test]
fn what_the_manifest_names_has_to_be_there() {
    let (kind, text) = refused(&root("[handlers.hello]\nsource = 'hullo.wasm'"));
    assert_eq!(kind, "Runtime.ConfigInvalid");
    assert!(text.contains("handlers.hello.source") && text.contains("hullo.wasm"), "{text}");
    let (kind, text) = refused(&root("[outbound]\nextra_ca_certificates = ['ca.pem']\n[handlers.hello]"));
    assert_eq!(kind, "Runtime.ConfigInvalid");
    assert!(text.contains("outbound.extra_ca_certificates") && text.contains("ca.pem"), "{text}");
}

#[test]
fn a_digest_that_does_not_match_is_refused() {
    let toml = format!("[handlers.hello]\ndigest = 'sha256:{}'", "0".repeat(64));
    let (kind, text) = refused(&root(&toml));
    assert_eq!(kind, "Runtime.InvalidComponent");
    assert!(
        text.contains("handlers.hello.digest") && text.contains("hello.wasm has the digest sha256:"),
        "{text}"
    );
}

#[test]
fn several_handlers_and_no_tenants_need_one_that_is_named() {
    let toml = "[handlers.hello]\n[handlers.other]\nsource = 'hello.wasm'";
    let api = RuntimeApi::start();
    let root = root(toml);
    let mut running = Bootstrap::new().task_root(&root).handler("neither").api(&api).spawn();
    let report = String::from_utf8_lossy(&api.init_error().body).into_owned();
    assert!(report.contains("hello, other"), "{report}");
    assert_eq!(running.exit_code(), 1);
    let named = Stage::at(self::root(toml), |bootstrap| bootstrap.handler("other.wasm"));
    assert_eq!(named.send(r#"{"name":"x"}"#).json()["message"], "Hello x!");
}
