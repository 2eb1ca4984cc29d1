//! Tests each block as a person uses it: pasted where it says, and read by the manifest's own parser.

use super::*;

const HOSTS: &str = "allowed_outbound_hosts";
const NETWORKS: &str = "allowed_private_networks";

/// A handler with grants, one without, and tenants of both.
const MANIFEST: &str = "\
[handlers.http]
[handlers.http.grants]
allowed_outbound_hosts = [
  \"https://api.example.com\", # ours
]

[handlers.echo]

[tenants.acme]
handler = \"http\"
[tenants.beta]
handler = \"http\"
[tenants.\"c d\"]
handler = \"http\"
[tenants.\"c d\".grants]
allowed_outbound_hosts = []
";

fn denial(tenant: Option<&str>, table: &str, key: &'static str, value: &str) -> Denial {
    let what = format!("outbound request to {value} was denied");
    let (table, value) = (Some(table.to_owned()), Some(value.to_owned()));
    Denial { what, tenant: tenant.map(str::to_owned), table, key: Some(key), value }
}

/// What one event of a tenant asked for.
fn asked(tenant: Option<&str>, table: &str) -> Vec<Denial> {
    vec![
        denial(tenant, table, HOSTS, "https://b.test"),
        denial(tenant, table, NETWORKS, "127.0.0.0/8"),
        denial(tenant, table, HOSTS, "http://a.test:81"),
        Denial { table: None, key: None, value: None, ..denial(tenant, table, HOSTS, "http://metadata") },
        denial(tenant, table, "tmp", "16MiB"),
    ]
}

fn grants(text: Option<&str>, functions: &[&str], denials: &[Denial]) -> Vec<Grant> {
    let functions = functions.iter().map(|name| (*name).to_owned()).collect();
    let editable = Editable::new(text.map(str::to_owned), functions).unwrap();
    editable.grants("http", &denials.iter().collect::<Vec<_>>())
}

/// The file with a block in the place that it names.
fn pasted(text: &str, grant: &Grant) -> Manifest {
    let lines: Vec<&str> = text.lines().collect();
    let (before, after) = match grant.first_line.zip(grant.last_line) {
        None => (&lines[..], &[][..]),
        Some((first, last)) => (&lines[..first - 1], &lines[last..]),
    };
    let block: Vec<&str> = grant.text.lines().collect();
    let text = [before, &block, after].concat().join("\n");
    Manifest::parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes:?}:\n{text}"))
}

fn hosts(policy: &Policy) -> Vec<String> {
    listed(&policy.grants, HOSTS)
}

#[test]
fn several_denials_are_one_block_for_the_tenant_or_for_the_handler() {
    let given = grants(Some(MANIFEST), &["echo", "http"], &asked(Some("acme"), "handlers.http.grants"));
    let [tenant, handler] = given.as_slice() else { panic!("{given:?}") };
    assert_eq!((tenant.to, tenant.name.as_str(), tenant.is_wider), (Subject::Tenant, "acme", true));
    assert_eq!((handler.to, handler.name.as_str(), handler.others), (Subject::Handler, "http", 2));
    let all = ["https://api.example.com", "http://a.test:81", "https://b.test"];

    let manifest = pasted(MANIFEST, tenant);
    assert_eq!(hosts(&manifest.tenants["acme"].policy), all);
    assert_eq!(listed(&manifest.tenants["acme"].policy.grants, NETWORKS), ["127.0.0.0/8"]);
    assert_eq!(manifest.tenants["acme"].policy.grants.tmp, 16 << 20);
    let of_others = [&manifest.tenants["beta"].policy, &manifest.handlers[1].policy];
    assert!(
        of_others.iter().all(|policy| hosts(policy) == all[..1] && policy.grants.tmp == 0),
        "{of_others:?}"
    );
    assert_eq!(tenant.first_line, None, "it belongs at the end:\n{}", tenant.text);

    let manifest = pasted(MANIFEST, handler);
    for policy in [&manifest.handlers[1].policy, &manifest.tenants["beta"].policy] {
        assert_eq!(hosts(policy), all);
    }
    assert_eq!(hosts(&manifest.tenants["c d"].policy), [] as [&str; 0], "it has a list of its own");
    assert!(handler.text.contains("# ours"), "comments stay:\n{}", handler.text);
    assert_eq!(handler.text.matches(HOSTS).count(), 1, "{}", handler.text);
}

#[test]
fn a_tenant_s_own_list_gets_more_and_only_what_it_lacks_is_granted() {
    let ask = denial(Some("c d"), "tenants.\"c d\".grants", HOSTS, "https://api.example.com");
    let given = grants(Some(MANIFEST), &["echo", "http"], std::slice::from_ref(&ask));
    let [tenant] = given.as_slice() else { panic!("its handler has it: {given:?}") };
    assert!(!tenant.is_wider, "{tenant:?}");
    assert_eq!(hosts(&pasted(MANIFEST, tenant).tenants["c d"].policy), ["https://api.example.com"]);
    let editable = Editable::new(Some(MANIFEST.to_owned()), Vec::new()).unwrap();
    assert!(!editable.is_granted("http", &ask));
    assert!(
        editable
            .is_granted("http", &Denial { tenant: None, table: Some("handlers.http.grants".into()), ..ask })
    );
}

#[test]
fn without_a_file_every_function_stays_a_handler() {
    let asked = asked(None, "handlers.http.grants");
    for text in [None, Some("[limits]\nmemory = \"64MiB\"\n")] {
        let given = grants(text, &["echo", "http"], &asked);
        let [handler] = given.as_slice() else { panic!("{given:?}") };
        assert_eq!((handler.is_new, handler.first_line), (text.is_none(), None));
        let manifest = pasted(text.unwrap_or_default(), handler);
        let names: Vec<_> = manifest.handlers.iter().map(|handler| handler.name.as_str()).collect();
        assert_eq!(names, ["echo", "http"]);
        assert_eq!(hosts(&manifest.handlers[1].policy), ["http://a.test:81", "https://b.test"]);
    }
}

#[test]
fn a_batch_of_several_tenants_has_a_block_for_each() {
    let table = "handlers.http.grants";
    let denials: Vec<Denial> = [Some("acme"), Some("beta"), Some("a stranger"), None]
        .into_iter()
        .zip(["https://one.test", "https://two.test", "https://three.test", "https://four.test"])
        .map(|(tenant, host)| denial(tenant, table, HOSTS, host))
        .collect();
    let given = grants(Some(MANIFEST), &["echo", "http"], &denials);
    let names: Vec<_> = given.iter().map(|grant| grant.name.as_str()).collect();
    assert_eq!(names, ["acme", "beta", "http"], "a stranger has the handler's grants");
    assert!(given[0].text.contains("one.test") && !given[0].text.contains("two.test"), "{}", given[0].text);
    assert_eq!(hosts(&pasted(MANIFEST, &given[2]).handlers[1].policy).len(), 5);
}

#[test]
fn files_of_every_form_are_merged() {
    for text in [
        "handlers.http = {}",
        "[handlers]\nhttp.source = \"x.wasm\"",
        "[handlers.http]\ngrants.tmp = \"1MiB\"\n[tenants.acme]",
        "[handlers]\nhttp = { grants = { allowed_outbound_hosts = [\"https://z.test\"] } }\n\n[limits]\nlogs = 1",
        "[handlers.http.max.grants]\nallowed_outbound_hosts = [\"https://*.test\"]\n[tenants]\nacme = {}\n# the end\n",
        "[handlers.http]\r\n[handlers.http.grants]\r\nallowed_outbound_hosts = []\r\n[tenants.acme]\r\n",
    ] {
        let given = grants(Some(text), &["http"], &asked(Some("acme"), "handlers.http.grants"));
        let expected = if text.contains("acme") { 2 } else { 1 };
        assert_eq!(given.len(), expected, "{text}\n{given:#?}");
        for grant in &given {
            let manifest = pasted(text, grant);
            let policy = match grant.to {
                Subject::Tenant => &manifest.tenants["acme"].policy,
                Subject::Handler => &manifest.handlers[0].policy,
            };
            let wanted = [
                (HOSTS, "https://b.test"),
                (HOSTS, "http://a.test:81"),
                (NETWORKS, "127.0.0.0/8"),
                ("tmp", "16MiB"),
            ]
            .map(|(key, value)| Wanted { key, value });
            assert!(wanted.iter().all(|one| has(&policy.grants, *one)), "{text}\n{grant:?}");
        }
    }
}

#[test]
fn what_cannot_be_granted_has_no_block() {
    let table = "handlers.http.grants";
    let never = Denial { table: None, key: None, value: None, ..denial(None, table, HOSTS, "x") };
    assert_eq!(grants(Some(MANIFEST), &[], std::slice::from_ref(&never)), []);
    assert_eq!(
        grants(Some(MANIFEST), &[], &[denial(None, table, HOSTS, "https://api.example.com")]),
        [],
        "granted"
    );
    assert_eq!(grants(Some(MANIFEST), &[], &[denial(None, table, HOSTS, "not a host")]), []);
    assert!(Editable::new(Some("[handler.x]".to_owned()), Vec::new()).is_none());
}
