//! What each credential is for, and what the host adds to requests with it. No value of a secret is read.

use bulkhead_host::policy::{self, Authentication, AwsSigning, Role, SecretParts, service_and_region};
use serde::Serialize;

use crate::table::{Align, Table};

/// A credential that a handler or a tenant has.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credential {
    name: String,
    hosts: Vec<String>,
    #[serde(flatten)]
    adds: Adds,
}

/// What the host adds to a request.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", untagged)]
enum Adds {
    Signature(Signature),
    Secrets(Secrets),
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Signature {
    /// The service and the region of each host.
    sign: Vec<Place>,
    /// `None` is the role of the function.
    role: Option<String>,
    session_tags: Vec<String>,
    session_policy: bool,
    external_id: Option<String>,
    operations: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Place {
    service: String,
    region: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Secrets {
    headers: Vec<String>,
    query: Vec<String>,
    basic: bool,
    secrets: Vec<Secret>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Secret {
    name: String,
    from: String,
}

impl Credential {
    pub(super) fn of(credential: &policy::Credential) -> Self {
        Self {
            name: credential.name.to_string(),
            hosts: credential.hosts.iter().map(ToString::to_string).collect(),
            adds: match &credential.authentication {
                Authentication::Aws(signing) => Adds::Signature(signature(credential, signing)),
                Authentication::Secrets(parts) => Adds::Secrets(secrets(credential, parts)),
            },
        }
    }
}

fn signature(credential: &policy::Credential, signing: &AwsSigning) -> Signature {
    let AwsSigning { region, service, role, operations } = signing;
    let mut sign: Vec<Place> = Vec::new();
    for host in &credential.hosts {
        let (of_service, of_region) = host.name().and_then(service_and_region).unwrap_or_default();
        let place = Place {
            service: service.as_deref().map_or(of_service, str::to_owned),
            region: region.as_deref().map_or(of_region, str::to_owned),
        };
        if !sign.contains(&place) {
            sign.push(place);
        }
    }
    let tags =
        |role: &Role| role.session_tags.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    Signature {
        sign,
        session_tags: role.as_ref().map(tags).unwrap_or_default(),
        session_policy: role.as_ref().is_some_and(|role| role.session_policy.is_some()),
        external_id: role.as_ref().and_then(|role| role.external_id.as_ref().map(ToString::to_string)),
        role: role.as_ref().map(|role| role.arn.to_string()),
        operations: operations.iter().map(ToString::to_string).collect(),
    }
}

fn secrets(credential: &policy::Credential, parts: &SecretParts) -> Secrets {
    let mut secrets: Vec<Secret> = Vec::new();
    for secret in credential.secrets() {
        let secret = Secret { name: secret.name.to_string(), from: secret.from.to_string() };
        if !secrets.contains(&secret) {
            secrets.push(secret);
        }
    }
    Secrets {
        headers: parts.headers.keys().map(ToString::to_string).collect(),
        query: parts.query.keys().map(ToString::to_string).collect(),
        basic: parts.basic.is_some(),
        secrets,
    }
}

/// A block for each credential.
pub(super) fn text<'c>(credentials: impl IntoIterator<Item = &'c Credential>) -> String {
    credentials.into_iter().map(block).collect()
}

fn block(credential: &Credential) -> String {
    let mut table = Table::new(2, [Align::Left, Align::Left]);
    let mut row = |heading: &str, text: String| {
        if !text.is_empty() {
            table.row([heading.to_owned(), text]);
        }
    };
    row("hosts", credential.hosts.join(", "));
    match &credential.adds {
        Adds::Signature(Signature { sign, role, session_tags, session_policy, external_id, operations }) => {
            let places = sign.iter().map(|Place { service, region }| format!("{service} in {region}"));
            row("signs for", places.collect::<Vec<_>>().join(", "));
            let own = || "the role of the function".to_owned();
            row("as", role.as_ref().map_or_else(own, |role| format!("{role}, in a session for each tenant")));
            row("tags", session_tags.join(", "));
            row("policy", if *session_policy { "a session policy" } else { "" }.to_owned());
            row("external id", external_id.clone().unwrap_or_default());
            row("only", operations.join(", "));
        }
        Adds::Secrets(Secrets { headers, query, basic, secrets }) => {
            row("headers", headers.join(", "));
            row("query", query.join(", "));
            row("basic", if *basic { "user and password" } else { "" }.to_owned());
            let secrets = secrets.iter().map(|Secret { name, from }| format!("{name} from {from}"));
            row("secrets", secrets.collect::<Vec<_>>().join(", "));
        }
    }
    format!("credential {}\n{table}\n", credential.name)
}

#[cfg(test)]
mod tests {
    use bulkhead_host::policy::manifest::Manifest;
    use serde_json::json;

    use super::*;

    const FILE: &str = r#"
        [secrets.key]
        from = "secretsmanager:prod/stripe#key"
        [credentials.stripe]
        hosts = ["https://api.stripe.com"]
        headers = { authorization = "Bearer {key}", x-team = "shop" }
        query = { key = "{key}" }
        [credentials.registry]
        hosts = ["https://a.b"]
        basic = { user = "{key}" }
        [credentials.notes]
        hosts = ["https://dynamodb.eu-west-1.amazonaws.com", "https://*.ddb.eu-west-1.amazonaws.com"]
        sign = "aws"
        role = "arn:aws:iam::123456789012:role/tenant"
        session_tags = { tenant = "{tenant}" }
        operations = ["dynamodb:GetItem"]
        [credentials.own]
        hosts = ["http://127.0.0.1:5000"]
        sign = "aws"
        service = "s3"
        region = "us-east-1"
    "#;

    fn credentials() -> Vec<Credential> {
        let manifest = Manifest::parse(FILE).unwrap();
        manifest.credentials.all().map(|credential| Credential::of(credential)).collect()
    }

    #[test]
    fn each_credential_is_a_block() {
        assert_eq!(
            text(&credentials()),
            "credential notes
  hosts      https://dynamodb.eu-west-1.amazonaws.com, https://*.ddb.eu-west-1.amazonaws.com
  signs for  dynamodb in eu-west-1
  as         arn:aws:iam::123456789012:role/tenant, in a session for each tenant
  tags       tenant = {tenant}
  only       dynamodb:GetItem

credential own
  hosts      http://127.0.0.1:5000
  signs for  s3 in us-east-1
  as         the role of the function

credential registry
  hosts    https://a.b
  basic    user and password
  secrets  key from secretsmanager:prod/stripe#key

credential stripe
  hosts    https://api.stripe.com
  headers  authorization, x-team
  query    key
  secrets  key from secretsmanager:prod/stripe#key

"
        );
    }

    #[test]
    fn json_says_the_same() {
        let json = json!(credentials());
        let expected = json!({
            "name": "stripe", "hosts": ["https://api.stripe.com"], "headers": ["authorization", "x-team"],
            "query": ["key"], "basic": false,
            "secrets": [{ "name": "key", "from": "secretsmanager:prod/stripe#key" }],
        });
        assert_eq!(json[3], expected);
        let expected = json!({
            "name": "own", "hosts": ["http://127.0.0.1:5000"], "sign": [{ "service": "s3", "region": "us-east-1" }],
            "role": null, "sessionTags": [], "sessionPolicy": false, "externalId": null, "operations": [],
        });
        assert_eq!(json[1], expected);
    }
}
