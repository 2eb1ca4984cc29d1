//! Policies of handlers and of tenants, and what a tenant may not have.

use super::*;

const HANDLER: &str = r#"
        [handlers.hello.limits]
        memory = "128MiB"
        [handlers.hello.grants]
        environment = { STAGE = "prod", REGION = "eu" }
        inherit_environment = ["TABLE"]
        files = ["assets"]
        tmp = "16MiB"
        allowed_outbound_hosts = ["https://*.example.com"]
        allowed_private_networks = ["10.0.0.0/8"]
        [handlers.hello.max.limits]
        memory = "256MiB"
        outbound_requests = 64
        [handlers.hello.max.grants]
        environment = ["EXTRA"]
        inherit_environment = ["OTHER"]
        files = ["shared"]
        tmp = "32MiB"
        allowed_outbound_hosts = ["http://intern.test"]
        allowed_private_networks = ["192.168.0.0/16"]
    "#;

/// The policy of a tenant of that handler, or what is wrong with it.
fn tenant(says: &str) -> Result<Policy, Vec<String>> {
    let text = format!("{HANDLER}\n[tenants.acme]\n{says}\n");
    let manifest = Manifest::parse(&text).map_err(|mistakes| {
        mistakes.into_iter().map(|mistake| format!("{}: {}", mistake.key, mistake.text)).collect::<Vec<_>>()
    })?;
    Ok(Policy::clone(&manifest.tenants["acme"].policy))
}

#[test]
fn a_tenant_that_says_nothing_has_what_its_handler_has() {
    let manifest = Manifest::parse(&format!("{HANDLER}\n[tenants.acme]\nlimits = {{}}\n")).unwrap();
    assert!(Arc::ptr_eq(&manifest.tenants["acme"].policy, &manifest.handlers[0].policy));
    // `max` alone changes nothing.
    assert_eq!(manifest.handlers[0].policy.limits.memory, 128 << 20);
    assert_eq!(manifest.handlers[0].policy.limits.outbound_requests, 32);
}

#[test]
fn what_a_tenant_says_replaces_its_handler_s_value() {
    let policy = tenant("limits.memory = \"64MiB\"\ngrants.environment = { STAGE = \"test\" }").unwrap();
    assert_eq!(policy.limits.memory, 64 << 20);
    assert_eq!(policy.grants.environment, [("STAGE".to_owned(), "test".to_owned())].into());
    assert_eq!(policy.grants.tmp, 16 << 20);
    assert_eq!(policy.table, "tenants.acme.grants");
    assert_eq!(tenant("limits.memory = \"64MiB\"").unwrap().table, "handlers.hello.grants");
    assert_eq!(tenant("grants.allowed_outbound_hosts = []").unwrap().grants.allowed_outbound_hosts, []);
}

#[test]
fn a_tenant_may_have_less_and_up_to_the_max() {
    for says in [
        "limits.memory = \"256MiB\"",
        "limits.outbound_requests = 64",
        "limits.wall_time = \"5s\"",
        "grants.tmp = \"0\"",
        "grants.tmp = \"32MiB\"",
        "grants.environment = { EXTRA = \"1\", REGION = \"us\" }",
        "grants.inherit_environment = [\"TABLE\", \"OTHER\"]",
        "grants.files = [\"assets/img\", \"shared\"]",
        "grants.allowed_outbound_hosts = [\"https://api.example.com\", \"http://intern.test\"]",
        "grants.allowed_private_networks = [\"10.1.0.0/16\", \"192.168.1.1\"]",
    ] {
        tenant(says).unwrap_or_else(|mistakes| panic!("{says}: {mistakes:?}"));
    }
}

#[test]
fn a_tenant_may_not_have_more_and_is_told_where_to_allow_it() {
    for (says, key) in [
        ("limits.memory = \"257MiB\"", "limits.memory"),
        ("limits.wall_time = \"6s\"", "limits.wall_time"),
        ("limits.outbound_requests = 65", "limits.outbound_requests"),
        ("grants.tmp = \"33MiB\"", "grants.tmp"),
        ("grants.environment = { NEW = \"1\" }", "grants.environment"),
        ("grants.environment = { TABLE = \"1\" }", "grants.environment"),
        ("grants.inherit_environment = [\"STAGE\"]", "grants.inherit_environment"),
        ("grants.files = [\"assets2\"]", "grants.files"),
        ("grants.allowed_outbound_hosts = [\"https://example.com\"]", "grants.allowed_outbound_hosts"),
        ("grants.allowed_outbound_hosts = [\"*://*:*\"]", "grants.allowed_outbound_hosts"),
        ("grants.allowed_private_networks = [\"172.16.0.1\"]", "grants.allowed_private_networks"),
    ] {
        let mistakes = tenant(says).expect_err(says);
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].starts_with(&format!("tenants.acme.{key}: ")), "{mistakes:?}");
        assert!(mistakes[0].contains(&format!("handlers.hello.max.{key}")), "{mistakes:?}");
    }
}

#[test]
fn each_bound_says_where_it_comes_from() {
    let mistakes = |text: &str| Manifest::parse(text).expect_err(text).remove(0).text;
    let more = "[handlers.a]\n[tenants.t.limits]\nmemory = \"1GiB\"\n";
    assert!(mistakes(more).contains("(128MiB, the default)"));
    assert!(mistakes(&format!("{more}[limits]\nmemory = \"256MiB\"")).contains("(256MiB, line 5)"));
    assert!(mistakes(&format!("{more}[handlers.a.limits]\nmemory = \"64MiB\"")).contains("(64MiB, line 5)"));
    assert!(
        mistakes(&format!("{more}[handlers.a.max.limits]\nmemory = \"512MiB\"")).contains("(512MiB, line 5)")
    );
}

#[test]
fn a_max_is_not_less_than_what_the_handler_has() {
    for (text, key) in [
        ("[handlers.a]\nmax.limits.memory = \"1MiB\"", "handlers.a.max.limits.memory"),
        ("[handlers.a]\ngrants.tmp = 2\nmax.grants.tmp = 1", "handlers.a.max.grants.tmp"),
        ("[limits]\nlogs = 9\n[handlers.a]\nmax.limits.logs = 8", "handlers.a.max.limits.logs"),
    ] {
        let mistakes = Manifest::parse(text).expect_err(text);
        assert_eq!(mistakes.iter().map(|mistake| mistake.key.as_str()).collect::<Vec<_>>(), [key]);
    }
}

#[test]
fn a_max_may_be_what_the_handler_has() {
    let text = "[handlers.a]\nlimits.memory = \"1MiB\"\nmax.limits.memory = \"1MiB\"\nmax.grants.tmp = 0";
    assert!(Manifest::parse(text).is_ok());
}

#[test]
fn what_a_tenant_fixes_goes_before_what_its_handler_inherits() {
    let text = "[handlers.a]\ngrants.inherit_environment = [\"TABLE\"]\nmax.grants.environment = [\"TABLE\"]\n\
                [tenants.t]\ngrants.environment = { TABLE = \"own\" }";
    let manifest = Manifest::parse(text).unwrap();
    let policy = inherit(&manifest.tenants["t"].policy, &mut |_| Some("of the process".to_owned()));
    assert_eq!(policy.grants.environment, [("TABLE".to_owned(), "own".to_owned())].into());
}

#[test]
fn a_handler_may_exceed_the_defaults() {
    let text = "[limits]\nmemory = \"64MiB\"\n[handlers.a.limits]\nmemory = \"1GiB\"";
    assert_eq!(Manifest::parse(text).unwrap().handlers[0].policy.limits.memory, 1 << 30);
}

#[test]
fn tenants_find_their_handler() {
    let mistake = |text: &str| Manifest::parse(text).expect_err(text).remove(0).to_string();
    assert_eq!(Manifest::parse("[handlers.a]\n[tenants.t]").unwrap().tenants["t"].handler, 0);
    assert!(mistake("[tenants.t]").starts_with("1: tenants.t.handler: the tenant has no handler; add one"));
    let two = mistake("[handlers.a]\n[handlers.b]\n[tenants.t]");
    assert!(
        two.starts_with("3: tenants.t.handler: the tenant has no handler; it can be left out only"),
        "{two}"
    );
}

#[test]
fn a_thousand_tenants_with_the_same_limits_share_one_policy() {
    let tenants: String =
        (0..1000).map(|id| format!("[tenants.t{id}.limits]\nmemory = \"64MiB\"\n")).collect();
    let manifest = Manifest::parse(&format!("[handlers.a]\n{tenants}")).unwrap();
    assert_eq!(manifest.tenants.len(), 1000);
    let first = &manifest.tenants["t0"].policy;
    assert!(manifest.tenants.values().all(|tenant| Arc::ptr_eq(&tenant.policy, first)));
    assert!(!Arc::ptr_eq(first, &manifest.handlers[0].policy));
}
