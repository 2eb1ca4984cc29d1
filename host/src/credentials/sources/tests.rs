//! Each source, where it has a value and where it does not.

use std::sync::Arc;

use super::super::tests::{Variables, role};
use super::*;
use crate::aws::Client;
use crate::http1::test_server::recorder::{Recorded, Recorder, response};

fn read_with(vars: Variables, root: &Path, from: SecretSource) -> Result<String, String> {
    let services = Services::new(Client::default(), Arc::new(vars));
    let secret = Secret { name: "stripe".into(), from };
    match read(&services, root, &secret) {
        Ok(value) => Ok(value.expose().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn an_environment_variable_and_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "sk_1\r\n\n").unwrap();
    std::fs::write(folder.path().join("binary"), b"\xff").unwrap();
    let vars = || Variables::of(&[("KEY", "sk_0")]);
    let read = |from| read_with(vars(), folder.path(), from);
    assert_eq!(read(SecretSource::Environment("KEY".into())).unwrap(), "sk_0");
    assert_eq!(read(SecretSource::File("key".into())).unwrap(), "sk_1");
    let absolute = folder.path().join("key").to_str().unwrap().into();
    assert_eq!(read(SecretSource::File(absolute)).unwrap(), "sk_1");
    let error = read(SecretSource::Environment("OTHER".into())).unwrap_err();
    assert_eq!(error, "the environment variable OTHER is not set, or is empty");
    assert!(read(SecretSource::File("none".into())).unwrap_err().contains("none: No such file"));
    assert!(read(SecretSource::File("binary".into())).is_err());
}

#[test]
fn a_file_of_a_developer_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets.toml");
    let read = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let vars = Variables::of(&[("BULKHEAD_SECRETS_FILE", file.to_str().unwrap()), ("KEY", "of env")]);
        read_with(vars, folder.path(), SecretSource::Environment("KEY".into()))
    };
    assert_eq!(read("stripe = \"of file\"\nother = \"x\"").unwrap(), "of file");
    assert_eq!(read("other = \"x\"").unwrap(), "of env");
    assert!(read("stripe = 1").unwrap_err().contains("the value of stripe must be a string"));
    let error = read("stripe = \"sk_live").unwrap_err();
    assert!(error.contains("this is not valid TOML") && !error.contains("sk_live"), "{error}");
}

/// What a service of AWS that answers like this gives, and what it was asked.
fn asked(status: u16, body: &'static str, from: SecretSource) -> (Result<String, String>, Vec<Recorded>) {
    let server = Recorder::start(move |_| response(status, "", body));
    let vars = role(&[("AWS_ENDPOINT_URL", &server.url())]);
    (read_with(vars, Path::new("/"), from), server.requests())
}

fn of_secrets_manager(key: Option<&str>) -> SecretSource {
    SecretSource::SecretsManager { id: "prod/stripe".into(), key: key.map(Into::into) }
}

#[test]
fn a_parameter_is_asked_for_with_the_role() {
    let from = SecretSource::Parameter("/prod/stripe".into());
    let (value, requests) = asked(200, "{\"Parameter\":{\"Value\":\"sk_2\"}}", from);
    assert_eq!(value.unwrap(), "sk_2");
    assert_eq!(requests[0].header("x-amz-target"), Some("AmazonSSM.GetParameter"));
    assert_eq!(requests[0].text(), "{\"Name\":\"/prod/stripe\",\"WithDecryption\":true}");
    let authorization = requests[0].header("authorization").unwrap();
    assert!(
        authorization.contains("/eu-west-1/ssm/aws4_request, SignedHeaders=content-type;host;x-amz-date;")
    );
    assert_eq!(requests[0].header("x-amz-security-token"), Some("role token"));
}

#[test]
fn a_secret_of_secrets_manager_may_be_json() {
    let json = "{\"SecretString\":\"{\\\"key\\\":\\\"sk_3\\\",\\\"n\\\":1}\"}";
    let (value, requests) = asked(200, json, of_secrets_manager(Some("key")));
    assert_eq!(value.unwrap(), "sk_3");
    assert_eq!(requests[0].header("x-amz-target"), Some("secretsmanager.GetSecretValue"));
    assert_eq!(asked(200, "{\"SecretString\":\"sk_4\"}", of_secrets_manager(None)).0.unwrap(), "sk_4");
    for (body, key, expected) in [
        (json, Some("other"), "its JSON has no text with the key other"),
        (json, Some("n"), "its JSON has no text with the key n"),
        ("{\"SecretString\":\"sk_4\"}", Some("key"), "it is not a JSON object"),
        ("{\"SecretBinary\":\"AAAA\"}", None, "it is binary"),
        ("sk_4", None, "the answer of secretsmanager is not valid"),
        ("{\"SecretString\":\"\"}", None, "its value is empty"),
    ] {
        let error = asked(200, body, of_secrets_manager(key)).0.unwrap_err();
        assert!(error.contains(expected) && !error.contains("sk_"), "{error}");
    }
}

#[test]
fn an_error_names_the_permission_and_not_what_was_signed() {
    let body =
        "{\"__type\":\"com.amazon#AccessDeniedException\",\"Message\":\"x-amz-security-token:role token\"}";
    let error = asked(400, body, of_secrets_manager(None)).0.unwrap_err();
    assert!(
        error.contains(
            "(AccessDeniedException); the role of the function needs secretsmanager:GetSecretValue"
        )
    );
    assert!(!error.contains("token"), "{error}");
    let error = asked(500, "oh", of_secrets_manager(None)).0.unwrap_err();
    assert_eq!(error, "secretsmanager answered 500 (no code)");
}
