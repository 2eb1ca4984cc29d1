//! Whose credentials the command has, and for which region and server: as the AWS CLI's commands have them.
//!
//! Profiles, single sign-on and the rest are the AWS CLI's: it is asked for what is not in the environment, if it is
//! installed.

use std::io::ErrorKind;
use std::process::Command;

use anyhow::{Context as _, bail};
use bulkhead_host::aws::{Client, Credentials, Provider};
use bulkhead_host::http1::Server;
use bulkhead_host::policy::Vars;
use bulkhead_host::policy::manifest::Store;
use bulkhead_host::policy::manifest::store::{BucketUrl, endpoint, region};
use bulkhead_host::store::Bucket;
use bulkhead_host::text::printable;
use bulkhead_host::tls::ExtraRoots;
use serde::Deserialize;

/// What the AWS CLI prints as a process that has credentials.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// Opens the bucket of a store.
pub(super) fn open(
    store: &Store,
    url: &BucketUrl,
    endpoint_url: Option<&str>,
    roots: ExtraRoots,
    vars: &impl Vars,
) -> anyhow::Result<Bucket> {
    let mut store = store.clone();
    store.endpoint = server(endpoint_url, vars)?.or(store.endpoint);
    let region = region_of(&store, vars)?;
    let provider = credentials(vars)?;
    Ok(Bucket::with(&store, url, Ok(region), Client::new(roots), provider))
}

/// The server that the command line or the environment names.
fn server(endpoint_url: Option<&str>, vars: &impl Vars) -> anyhow::Result<Option<Server>> {
    let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
    let of_environment = || names.iter().find_map(|name| Some((*name, vars.get(name)?)));
    let named = endpoint_url.map(|url| ("--endpoint-url", url.to_owned())).or_else(of_environment);
    named.map(|(name, url)| endpoint(&url).map_err(anyhow::Error::msg).context(name)).transpose()
}

fn region_of(store: &Store, vars: &impl Vars) -> anyhow::Result<String> {
    if let Some(region) = &store.region {
        return Ok(region.clone());
    }
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(found) = vars.get(name) {
            return region(&found).map_err(anyhow::Error::msg).context(name);
        }
    }
    let configured = aws(&["configure", "get", "region"]);
    match configured.ok().flatten().and_then(|text| region(text.trim_ascii()).ok()) {
        Some(region) => Ok(region),
        // Other servers than AWS's need a name as well, whichever it is.
        None if store.endpoint.is_some() => Ok("us-east-1".to_owned()),
        None => bail!("the region of the bucket is not known: set `region` in [store], or AWS_REGION"),
    }
}

fn credentials(vars: &impl Vars) -> anyhow::Result<Provider> {
    if let Some(credentials) = Credentials::of_environment(vars) {
        return Ok(Provider::fixed(credentials));
    }
    match aws(&["configure", "export-credentials", "--format", "process"])? {
        Some(text) => exported(&text).map(Provider::fixed),
        None if vars.get("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some() => Ok(Provider::of_function(vars)),
        None => bail!(
            "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or install \
             the AWS CLI, whose profiles are used"
        ),
    }
}

fn exported(text: &str) -> anyhow::Result<Credentials> {
    // Their text is not shown, also where it is not valid.
    let Ok(exported) = serde_json::from_str::<Exported>(text) else {
        bail!("`aws configure export-credentials` has not printed credentials")
    };
    let Exported { access_key_id, secret_access_key, session_token } = exported;
    Ok(Credentials {
        access_key: access_key_id,
        secret: secret_access_key,
        token: session_token,
        expires: None,
    })
}

/// What the AWS CLI prints; `None` if it is not installed.
fn aws(arguments: &[&str]) -> anyhow::Result<Option<String>> {
    let output = match Command::new("aws").args(arguments).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("the AWS CLI cannot be started"),
    };
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        bail!("`aws {}` failed: {}", arguments.join(" "), printable::line(reason.trim()));
    }
    Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bulkhead_host::policy::manifest::Manifest;

    use super::*;

    fn store(more: &str) -> Store {
        let toml = format!(
            "[store]\nname = 'prod'\nurl = 's3://tenants/prod'\n{more}\n\
             public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']"
        );
        Manifest::parse(&toml).unwrap().store.unwrap()
    }

    #[test]
    fn the_region_is_that_of_the_store_or_of_the_environment() {
        let vars = HashMap::from([("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-2")]);
        assert_eq!(region_of(&store(""), &vars).unwrap(), "eu-west-1");
        assert_eq!(region_of(&store("region = 'us-west-2'"), &vars).unwrap(), "us-west-2");
        let vars = HashMap::from([("AWS_DEFAULT_REGION", "eu-west-2")]);
        assert_eq!(region_of(&store(""), &vars).unwrap(), "eu-west-2");
        let odd = HashMap::from([("AWS_REGION", "eu.west")]);
        let error = format!("{:#}", region_of(&store(""), &odd).unwrap_err());
        assert!(error.starts_with("AWS_REGION: expected the name of a region"), "{error}");
    }

    #[test]
    fn the_server_is_that_of_the_command_line_or_of_the_environment() {
        let vars = HashMap::from([
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:2"),
        ]);
        let authority = |url: Option<&str>, vars: &HashMap<&str, &str>| {
            server(url, vars).map(|server| server.map(|server| server.authority()))
        };
        assert_eq!(authority(None, &vars).unwrap().as_deref(), Some("127.0.0.1:1"));
        assert_eq!(authority(Some("https://a.example"), &vars).unwrap().as_deref(), Some("a.example"));
        assert_eq!(authority(None, &HashMap::new()).unwrap(), None);
        let error = format!("{:#}", authority(Some("a.example"), &vars).unwrap_err());
        assert!(error.starts_with("--endpoint-url: \"a.example\" is not the URL of a server"), "{error}");
    }

    #[test]
    fn what_the_aws_cli_prints_are_credentials() {
        let text = r#"{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T", "Expiration": "x"}"#;
        let Credentials { access_key, secret, token, .. } = exported(text).unwrap();
        assert_eq!((access_key.as_str(), secret.as_str(), token.as_deref()), ("A", "S", Some("T")));
        let error = exported(r#"{"AccessKeyId": "A", "SecretAccessKey": 1}"#).unwrap_err().to_string();
        assert_eq!(error, "`aws configure export-credentials` has not printed credentials");
    }
}
