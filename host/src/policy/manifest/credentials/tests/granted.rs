//! Who has which credential.

use super::*;
use crate::policy::manifest::store::Settings;
use crate::policy::{Grants, Policy};

const HANDLER: &str =
    "[handlers.a]\ngrants.credentials = ['stripe', 'maps']\nmax.grants.credentials = ['notes']\n";

fn granted(policy: &Policy) -> Vec<&str> {
    names(&policy.grants.credentials)
}

#[test]
fn a_tenant_has_those_of_its_handler_or_less_or_up_to_max() {
    let tenant = |says: &str| parse(&format!("{FILE}{HANDLER}[tenants.t]\n{says}\n"));
    for (says, expected) in [
        ("", vec!["stripe", "maps"]),
        ("grants.tmp = 0", vec!["stripe", "maps"]),
        ("grants.credentials = []", vec![]),
        ("grants.credentials = ['maps']", vec!["maps"]),
        ("grants.credentials = ['notes', 'maps', 'notes']", vec!["notes", "maps"]),
    ] {
        assert_eq!(granted(&tenant(says).tenants["t"].policy), expected, "{says}");
    }
    let manifest = tenant("");
    assert_eq!(granted(&manifest.handlers[0].policy), ["stripe", "maps"]);
    assert!(Arc::ptr_eq(&manifest.tenants["t"].policy, &manifest.handlers[0].policy));
    assert_eq!(names(manifest.granted_credentials().values()), ["maps", "stripe"]);
    assert_eq!(manifest.secrets().keys().map(AsRef::as_ref).collect::<Vec<_>>(), ["maps", "stripe"]);
    assert_eq!(
        one(&format!("{HANDLER}[tenants.t]\ngrants.credentials = ['local']\n")),
        "5: tenants.t.grants.credentials: local is not allowed by handlers.a; add it to \
         handlers.a.max.grants.credentials, or leave it out"
    );
}

#[test]
fn a_grant_names_what_there_is() {
    for (more, expected) in [
        (
            "grants.credentials = ['strpe']",
            "2: handlers.a.grants.credentials: there is no credential \"strpe\"; did you mean \"stripe\"?",
        ),
        (
            "grants.credentials = ['other']",
            "2: handlers.a.grants.credentials: there is no credential \"other\"; add [credentials.other]",
        ),
        (
            "grants.credentials = 'stripe'",
            "2: handlers.a.grants.credentials: this is a string; expected an array of names under [credentials]",
        ),
        (
            "max.grants.credentials = ['x']",
            "2: handlers.a.max.grants.credentials: there is no credential \"x\"",
        ),
        (
            "grants.secrets = ['stripe']",
            "2: handlers.a.grants.secrets: there is no such key; a handler never has a secret; put it into a credential",
        ),
        (
            "credentials = ['stripe']",
            "2: handlers.a.credentials: there is no such key; `credentials` belongs under `grants`",
        ),
    ] {
        assert!(
            one(&format!("[handlers.a]\n{more}\n")).starts_with(expected),
            "{}",
            one(&format!("[handlers.a]\n{more}\n"))
        );
    }
}

#[test]
fn two_credentials_of_one_host_are_not_granted_together() {
    for (host, other) in [
        ("https://api.stripe.com", "https://api.stripe.com"),
        ("https://*.stripe.com", "https://api.stripe.com"),
    ] {
        let more = format!(
            "[credentials.other]\nhosts = ['https://b.example', '{host}']\nsign = 'aws'\nservice = 'sqs'\n\
             region = 'eu-west-1'\n[handlers.a]\ngrants.credentials = ['stripe',\n'other']\n"
        );
        assert_eq!(
            one(&more),
            format!(
                "8: handlers.a.grants.credentials: \"stripe\" and \"other\" are both for {other}, and it is not clear \
                 which is used; grant one of them, or change their hosts"
            )
        );
        // As a choice of its tenants it is right.
        let choice = more.replace(
            "grants.credentials = ['stripe',\n'other']",
            "max.grants.credentials = ['stripe', 'other']",
        );
        parse(&format!("{FILE}{choice}"));
        let both = format!("{choice}[tenants.t]\ngrants.credentials = ['stripe', 'other']\n");
        assert!(one(&both).contains("tenants.t.grants.credentials: \"stripe\" and \"other\" are both for"));
    }
    let apart = "[credentials.other]\nhosts = ['https://api.stripe.com:8443']\nheaders.x = 'y'\n[handlers.a]\n\
                 grants.credentials = ['stripe', 'other']\n";
    parse(&format!("{FILE}{apart}"));
}

#[test]
fn a_handler_is_not_given_the_place_of_a_secret() {
    let more = "[secrets.file]\nfrom = 'file:./assets/keys/k'\n[secrets.task]\nfrom = 'file:/var/task/lib/k'\n[handlers.a]\n\
                grants.inherit_environment = ['MAPS_KEY']\ngrants.files = ['assets', 'assets/images']\nmax.grants.files = ['lib']\n";
    assert_eq!(
        mistakes(more),
        [
            "6: handlers.a.grants.inherit_environment: MAPS_KEY is the secret \"maps\", which a handler must not have; \
             leave it out, and grant a credential",
            "7: handlers.a.grants.files: the directory contains the secret \"file\", which a handler must not have; move \
             the file",
            "8: handlers.a.max.grants.files: the directory contains the secret \"task\", which a handler must not have; \
             move the file",
        ]
    );
}

fn environment(grants: &Grants) -> Vec<(&str, &str)> {
    grants.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn a_guest_whose_requests_are_signed_has_placeholders() {
    let more = "[handlers.a.grants]\ncredentials = ['stripe', 'notes', 'local']\nenvironment = { STAGE = 'x' }\n\
                [handlers.b]\ngrants.credentials = ['stripe']\n[tenants.t]\nhandler = 'a'\ngrants.credentials = []\n";
    let mut manifest = parse(&format!("{FILE}{more}"));
    assert_eq!(environment(&manifest.handlers[0].policy.grants), [("STAGE", "x")], "before init");
    assert!(manifest.inherit(&std::collections::HashMap::new()).is_empty());
    let expected = [
        ("AWS_ACCESS_KEY_ID", "BULKHEADPLACEHOLDER1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_SECRET_ACCESS_KEY", "BULKHEADPLACEHOLDER/the/host/signs/these"),
        ("STAGE", "x"),
    ];
    assert_eq!(environment(&manifest.handlers[0].policy.grants), expected);
    assert_eq!(environment(&manifest.handlers[1].policy.grants), []);
    assert_eq!(environment(&manifest.tenants["t"].policy.grants), [("STAGE", "x")]);
}

#[test]
fn tenants_of_a_store_ask_for_credentials_by_name() {
    let text = |max: &str| {
        format!(
            "{FILE}[store]\nname = 'a'\nurl = 'file:///a'\n\
             public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']\nmax.grants.credentials = {max}\n"
        )
    };
    let manifest = parse(&text("['notes', 'stripe']"));
    let store = manifest.store.as_ref().unwrap();
    assert_eq!(names(manifest.granted_credentials().values()), ["notes", "stripe"]);
    let asked = |names: &str| Settings::parse(&format!("grants.credentials = {names}")).unwrap();
    let policy = store.policy(&asked("['notes']")).unwrap();
    assert_eq!(granted(&policy), ["notes"]);
    assert_eq!(environment(&policy.grants)[1], ("AWS_DEFAULT_REGION", "eu-west-1"));
    assert_eq!(granted(&store.policy(&Settings::default()).unwrap()), [""; 0]);
    for name in ["maps", "unknown"] {
        assert_eq!(
            store.policy(&asked(&format!("['{name}']"))).unwrap_err().to_string(),
            format!(
                "grants.credentials: {name} is not allowed by the store; add it to store.max.grants.credentials, or \
                 leave it out"
            )
        );
    }
    let both = format!(
        "{}[credentials.more]\nhosts = ['https://api.stripe.com']\nheaders.x = 'y'\n",
        text("['more', 'stripe']")
    );
    let error = parse(&both).store.unwrap().policy(&asked("['more', 'stripe']")).unwrap_err().to_string();
    assert!(error.starts_with("grants.credentials: \"more\" and \"stripe\" are both for"), "{error}");
    let json = serde_json::to_string(&asked("['notes']")).unwrap();
    assert_eq!(json, r#"{"grants":{"credentials":["notes"]}}"#);
    let mistakes = Manifest::parse(&text("['nots']")).unwrap_err();
    assert!(mistakes[0].text.contains("did you mean \"notes\"?"), "{mistakes:?}");
}
