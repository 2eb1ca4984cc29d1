//! Whole `[secrets]` and `[credentials]` tables.

mod granted;

use super::*;
use crate::policy::manifest::{Manifest, Mistake};
use crate::policy::{AwsSigning, Basic, Part, SecretSource, Template};

const FILE: &str = r#"
[secrets.stripe]
from = "secretsmanager:prod/stripe#key"
[secrets.maps]
from = "env:MAPS_KEY"

[credentials.stripe]
hosts = ["https://api.stripe.com"]
headers = { Authorization = "Bearer {stripe}", x-team = "shop" }
[credentials.maps]
hosts = ["https://maps.example.com", "https://tiles.example.com"]
query = { key = "{maps}" }
[credentials.registry]
hosts = ["https://registry.example.com:5000"]
basic = { user = "{maps}", password = "{stripe}" }
[credentials.notes]
hosts = ["https://dynamodb.eu-west-1.amazonaws.com"]
sign = "aws"
role = "arn:aws:iam::123456789012:role/tenant"
session_tags = { tenant = "{tenant}" }
session_policy = '{"Statement": [{"Resource": "arn:aws:s3:::b/{tenant}/*"}]}'
external_id = "bulkhead-{tenant}"
operations = ["dynamodb:GetItem", "dynamodb:PutItem"]
[credentials.local]
hosts = ["http://127.0.0.1:5000"]
sign = "aws"
region = "us-east-1"
service = "sqs"
"#;

fn parse(text: &str) -> Manifest {
    Manifest::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

/// What is wrong with the file and this after it, each with its line after that of the file.
fn mistakes(more: &str) -> Vec<String> {
    let above = FILE.lines().count();
    let told = |mistake: Mistake| {
        let line = mistake.line.saturating_sub(above);
        Mistake { line, ..mistake }.to_string()
    };
    let mistakes = Manifest::parse(&format!("{FILE}{more}")).expect_err(more);
    mistakes.into_iter().map(told).collect()
}

fn one(more: &str) -> String {
    let mut mistakes = mistakes(more);
    assert_eq!(mistakes.len(), 1, "{more}: {mistakes:#?}");
    mistakes.remove(0)
}

fn credential(manifest: &Manifest, name: &str) -> Arc<Credential> {
    manifest.credentials.by_name[name].clone()
}

fn names<'p>(credentials: impl IntoIterator<Item = &'p Arc<Credential>>) -> Vec<&'p str> {
    credentials.into_iter().map(|credential| &*credential.name).collect()
}

#[test]
fn secrets_are_put_into_requests() {
    let manifest = parse(FILE);
    let secret = |name: &str| Part::Secret(manifest.credentials.secrets[name].clone());
    let text = |text: &str| Part::Text(text.into());
    let template = |parts: &[Part]| Template { parts: parts.to_vec() };
    let of = |name: &str| match credential(&manifest, name).authentication.clone() {
        Authentication::Secrets(parts) => parts,
        Authentication::Aws(signing) => panic!("{signing:?}"),
    };
    let stripe = credential(&manifest, "stripe");
    assert_eq!(stripe.hosts, ["https://api.stripe.com".parse().unwrap()]);
    assert_eq!(names(manifest.credentials.all()), ["local", "maps", "notes", "registry", "stripe"]);
    assert_eq!(stripe.secrets().map(|secret| &*secret.name).collect::<Vec<_>>(), ["stripe"]);
    let headers = [
        ("authorization".into(), template(&[text("Bearer "), secret("stripe")])),
        ("x-team".into(), template(&[text("shop")])),
    ];
    assert_eq!(of("stripe").headers, headers.into());
    assert_eq!(of("maps").query, [("key".into(), template(&[secret("maps")]))].into());
    let basic = Basic { user: template(&[secret("maps")]), password: template(&[secret("stripe")]) };
    assert_eq!(of("registry").basic, Some(basic));
    let from: Vec<_> = manifest.credentials.secrets().map(|secret| secret.from.clone()).collect();
    assert_eq!(from[0], SecretSource::Environment("MAPS_KEY".into()));
}

#[test]
fn requests_to_aws_are_signed() {
    let manifest = parse(FILE);
    let of = |name: &str| match credential(&manifest, name).authentication.clone() {
        Authentication::Aws(signing) => signing,
        Authentication::Secrets(parts) => panic!("{parts:?}"),
    };
    let AwsSigning { region, service, role, operations } = of("notes");
    assert_eq!((region, service), (None, None), "the host says them");
    assert_eq!(operations.join(" "), "dynamodb:GetItem dynamodb:PutItem");
    let role = role.unwrap();
    assert_eq!(&*role.arn, "arn:aws:iam::123456789012:role/tenant");
    assert_eq!(role.session_tags["tenant"].parts, [Part::Tenant]);
    assert_eq!(role.session_policy.unwrap().parts[1], Part::Tenant);
    assert_eq!(role.external_id.unwrap().parts, [Part::Text("bulkhead-".into()), Part::Tenant]);
    let local = of("local");
    assert_eq!((local.region.as_deref(), local.service.as_deref()), (Some("us-east-1"), Some("sqs")));
    assert_eq!((local.role, local.operations.len()), (None, 0));
    assert_eq!(credential(&manifest, "notes").region().as_deref(), Some("eu-west-1"));
    assert_eq!(credential(&manifest, "local").region().as_deref(), Some("us-east-1"));
    assert_eq!(credential(&manifest, "maps").region(), None);
}

#[test]
fn what_is_wrong_with_a_secret_has_its_line() {
    for (more, expected) in [
        ("[secrets.a]\n", "1: secrets.a: the key `from` is missing; expected \"env:NAME\""),
        (
            "[secrets.a]\nfrm = 'env:A'\nfrom = 'env:A'\n",
            "2: secrets.a.frm: there is no such key; did you mean `from`?",
        ),
        ("[secrets]\na = 'sk_live'\n", "2: secrets.a: this is a string; expected a table, such as { from = "),
        (
            "[secrets.a]\nfrom = 'sk_live'\n",
            "2: secrets.a.from: \"sk_live\" does not say where the secret is; expected",
        ),
        ("[secrets.tenant]\nfrom = 'env:A'\n", "1: secrets.tenant: a secret cannot be called tenant"),
        (
            "[secrets.'a b']\nfrom = 'env:A'\n",
            "1: secrets.\"a b\": expected a name of 1 to 64 letters, digits",
        ),
    ] {
        let text = Manifest::parse(more).expect_err(more);
        let text = text.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(text.starts_with(expected), "{more}: {text}");
    }
}

/// What follows the line of hosts, and the beginning of the first mistake.
const WRONG: &[(&str, &str)] = &[
    ("header = {}\nheaders = {}\n", "3: credentials.a.header: there is no such key; did you mean `headers`?"),
    (
        "headers = { authorization = 'Bearer {strpe}' }\n",
        "3: credentials.a.headers.authorization: there is no secret \"strpe\"; did you mean {stripe}?",
    ),
    (
        "headers = { x = '{tenant}' }\n",
        "3: credentials.a.headers.x: `{tenant}`, the id of the tenant, cannot be in requests",
    ),
    ("headers = { Host = 'b' }\n", "3: credentials.a.headers.Host: `host` belongs to the connection"),
    ("headers = { x = \"a\\r\\nb\" }\n", "3: credentials.a.headers.x: it contains the end of a line"),
    (
        "headers = { X-A = 'a', x-a = 'b' }\n",
        "3: credentials.a.headers.x-a: this is there already, in other case",
    ),
    ("query = { '' = 'a' }\n", "3: credentials.a.query.\"\": \"\" is not the name of a parameter"),
    ("basic = { password = '{maps}' }\n", "3: credentials.a.basic: the key `user` is missing"),
    ("basic = { user = 'a:b' }\n", "3: credentials.a.basic.user: a user cannot contain a colon"),
    ("basic = { user = 'a', pass = 'b' }\n", "3: credentials.a.basic.pass: there is no such key"),
    (
        "basic.user = 'a'\nheaders.authorization = 'b'\n",
        "3: credentials.a.basic: `basic` is the header `authorization`, which",
    ),
    (
        "headers.x = 'b'\nregion = 'eu-west-1'\n",
        "4: credentials.a.region: this is for requests that are signed; leave it out",
    ),
    (
        "headers.x = 'b'\nsign = 'aws'\n",
        "3: credentials.a.headers: a credential either signs requests or puts secrets into them",
    ),
    ("sign = 'gcp'\n", "3: credentials.a.sign: this is \"gcp\"; expected \"aws\""),
    ("region = 'eu-west-1'\n", "1: credentials.a: the key `sign` is missing; add sign = \"aws\""),
    (
        "sign = 'aws'\n",
        "2: credentials.a.hosts: the name https://api.example.com does not say service and region; add service = \"dynamodb\" and region = \"eu-west-1\", for example",
    ),
    (
        "sign = 'aws'\nservice = 'execute-api'\n",
        "2: credentials.a.hosts: the name https://api.example.com does not say service and region; add region = \"eu-west-1\", for example",
    ),
    ("sign = 'aws'\nregion = 'EU'\nservice = 'x'\n", "2: "),
];

#[test]
fn what_is_wrong_with_a_credential_has_its_line() {
    let host = "hosts = ['https://api.example.com']\n";
    for (more, expected) in [
        ("", "1: credentials.a: the key `hosts` is missing; expected hosts = [\"https://api.stripe.com\"]"),
        (
            host,
            "1: credentials.a: it adds nothing to a request; add headers, query or basic, or sign = \"aws\"",
        ),
        ("hosts = []\nheaders = {}\n", "2: credentials.a.hosts: the array is empty"),
        (
            "hosts = [\n'https://b.example',\n'http://c.example']\nheaders = {}\n",
            "4: credentials.a.hosts: `http://c.example` is not encrypted",
        ),
    ] {
        assert!(
            mistakes(&format!("[credentials.a]\n{more}"))[0].starts_with(expected),
            "{:?}",
            mistakes(&format!("[credentials.a]\n{more}"))
        );
    }
    for (more, expected) in WRONG {
        let found = mistakes(&format!("[credentials.a]\n{host}{more}"));
        assert!(found[0].starts_with(expected), "{more}: {found:#?}");
    }
    assert!(
        one("[credentials.'a b']\nhosts = ['https://b.example']\nheaders.x = 'b'\n")
            .contains("expected a name of 1 to 64")
    );
}

#[test]
fn what_is_wrong_with_signatures_has_its_line() {
    let role = "role = 'arn:aws:iam::123456789012:role/tenant'\n";
    for (more, expected) in [
        (
            "session_tags = { a = 'b' }\n",
            "4: credentials.a.session_tags: this is for the session of a role; add role",
        ),
        ("role = 'tenant'\n", "4: credentials.a.role: \"tenant\" is not a role; expected the ARN of a role"),
        (
            &format!("{role}session_tags = {{ a = '{{stripe}}' }}\n"),
            "5: credentials.a.session_tags.a: `{stripe}` cannot be here; the only name is {tenant}",
        ),
        (&format!("{role}session_tags = {{ a = 'x', A = 'y' }}\n"), "5: credentials.a.session_tags."),
        (
            &format!("{role}session_policy = '{{}}'\n"),
            "5: credentials.a.session_policy: the policy has no `Statement`",
        ),
        (
            &format!("{role}external_id = 'a b'\n"),
            "5: credentials.a.external_id: \"a b\" is not an external id",
        ),
        (
            "region = 'eu-west-1'\n",
            "4: credentials.a.region: https://sqs.us-east-1.amazonaws.com is in us-east-1; leave `region` out",
        ),
        ("operations = []\n", "4: credentials.a.operations: expected an array of operations, such as"),
        ("operations = ['sqs:*']\n", "4: credentials.a.operations: \"sqs:*\" is not an operation; expected"),
        (
            "operations = ['SendMessage']\n",
            "4: credentials.a.operations: \"SendMessage\" is not an operation; expected",
        ),
        (
            "operations = ['sns:Publish']\n",
            "4: credentials.a.operations: none of the credential's hosts is of \"sns\"; did you mean \"sqs:Publish\"?",
        ),
        (
            "operations = ['dynamodb:GetItem']\n",
            "4: credentials.a.operations: none of the credential's hosts is of \"dynamodb\"; they are hosts of sqs",
        ),
        ("service = 'S Q S'\n", "4: credentials.a.service: \"S Q S\" is not the name of a service"),
    ] {
        let found = one(&format!(
            "[credentials.a]\nhosts = ['https://sqs.us-east-1.amazonaws.com']\nsign = 'aws'\n{more}"
        ));
        assert!(found.starts_with(expected), "{more}: {found}");
    }
}

#[test]
fn what_no_session_and_no_host_can_have_has_its_line() {
    let role = "role = 'arn:aws:iam::123456789012:role/tenant'\n";
    let tags: String = (0..51).map(|tag| format!("t{tag} = 'x'\n")).collect();
    let many = format!(
        "[credentials.a]\nhosts = ['https://sqs.us-east-1.amazonaws.com']\nsign = 'aws'\n{role}[credentials.a.session_tags]\n{tags}"
    );
    assert!(one(&many).contains("a session has at most 50 tags, and these are 51"), "{}", one(&many));
    for (host, operation, expected) in [
        (
            "s3.eu-west-1.amazonaws.com",
            "operations = ['s3:GetObject']",
            "requests to s3 do not name their operation",
        ),
        ("x.accesspoint.s3-global.amazonaws.com", "", "needs signatures for several regions (SigV4A)"),
        (
            "*.eu-west-1.amazonaws.com",
            "",
            "the name https://*.eu-west-1.amazonaws.com does not say service and region",
        ),
    ] {
        let found = one(&format!("[credentials.a]\nhosts = ['https://{host}']\nsign = 'aws'\n{operation}\n"));
        assert!(found.contains(expected), "{host}: {found}");
    }
}

#[test]
fn a_secret_is_not_for_every_host_of_a_domain() {
    for (adds, expected) in [
        ("headers = { a = '{maps}' }", 1),
        ("basic = { user = '{maps}' }", 1),
        ("query = { a = '{maps}' }", 1),
        ("sign = 'aws'\nservice = 's3'\nregion = 'eu-west-1'", 0),
    ] {
        for domain in ["github.io", "amazonaws.com", "cloudfront.net", "co.uk", "a.b.example.com"] {
            let text =
                format!("{FILE}[credentials.a]\nhosts = ['https://b.c', 'https://*.{domain}']\n{adds}\n");
            let found = Manifest::parse(&text).err().unwrap_or_default();
            assert_eq!(found.len(), expected, "{domain}: {found:?}");
            let starts = format!("`https://*.{domain}` sends the secret to every host below this domain");
            assert!(found.iter().all(|mistake| mistake.text.starts_with(&starts)), "{found:?}");
        }
    }
}

#[test]
fn the_host_of_all_regions_has_the_region_that_is_said() {
    for host in
        ["https://s3.amazonaws.com", "https://*.s3.eu-west-1.amazonaws.com", "https://minio.example.com"]
    {
        parse(&format!(
            "[credentials.a]\nhosts = ['{host}']\nsign = 'aws'\nservice = 's3'\nregion = 'eu-west-1'\n"
        ));
    }
}
