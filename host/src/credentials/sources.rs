//! The sources of secrets. Reading them blocks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::services::{Call, Service, Services};
use super::{SecretValue, Unavailable};
use crate::aws::Reply;
use crate::policy::{Secret, SecretSource, Vars as _};
use crate::text::bounded::cut;
use crate::text::printable::{Shown as _, line};

/// The variable that names a file with values for all secrets, on the machine of a developer: `NAME = "value"`.
const OVERRIDES: &str = "BULKHEAD_SECRETS_FILE";
/// The largest file that is read.
const MAX_FILE: u64 = 256 * 1024;
/// How much of a code of AWS is reported.
const MAX_CODE: usize = 64;

/// Reads a secret from its source.
pub(super) fn read(
    services: &Services,
    task_root: &Path,
    secret: &Secret,
) -> Result<SecretValue, Unavailable> {
    if let Some(file) = services.vars.get(OVERRIDES)
        && let Some(value) = overridden(&file, &secret.name)?
    {
        return SecretValue::new(value);
    }
    SecretValue::new(match &secret.from {
        SecretSource::Environment(name) => services.vars.get(name).ok_or_else(|| {
            Unavailable::new(format!("the environment variable {name} is not set, or is empty"))
        })?,
        SecretSource::File(path) => file(&task_root.join(&**path))?,
        SecretSource::Parameter(name) => parameter(services, name)?,
        SecretSource::SecretsManager { id, key } => of_secrets_manager(services, id, key.as_deref())?,
    })
}

/// The value of a secret in the file of values, if it is there.
fn overridden(file: &str, name: &str) -> Result<Option<String>, Unavailable> {
    let wrong = |what: &str| Unavailable::new(format!("{OVERRIDES}: {file}: {what}"));
    let text = text_of(Path::new(file)).map_err(|error| wrong(&error))?;
    // Its message could quote a secret.
    let table = DeTable::parse(&text).map_err(|_| wrong("this is not valid TOML"))?;
    match table.get_ref().iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value.get_ref()) {
        None => Ok(None),
        Some(DeValue::String(value)) => Ok(Some(value.clone().into_owned())),
        Some(
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_),
        ) => Err(wrong(&format!("the value of {name} must be a string"))),
    }
}

/// The text of a file, without the end of its last line.
fn file(path: &Path) -> Result<String, Unavailable> {
    let text = text_of(path).map_err(|error| Unavailable::new(format!("{}: {error}", path.shown())))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn text_of(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let read = file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(format!("the file has more than {MAX_FILE} bytes"));
    }
    Ok(text)
}

fn parameter(services: &Services, name: &str) -> Result<String, Unavailable> {
    let body = format!("{{\"Name\":{},\"WithDecryption\":true}}", quoted(name));
    let answer = ask(services, Service::Ssm, "AmazonSSM.GetParameter", &body)?;
    let value = answer.get("Parameter").and_then(|parameter| parameter.get("Value")?.as_str());
    value.map(str::to_owned).ok_or_else(|| Unavailable::new("the answer of SSM contains no value"))
}

fn of_secrets_manager(services: &Services, id: &str, key: Option<&str>) -> Result<String, Unavailable> {
    let body = format!("{{\"SecretId\":{}}}", quoted(id));
    let answer = ask(services, Service::SecretsManager, "secretsmanager.GetSecretValue", &body)?;
    let text = answer.get("SecretString").and_then(Value::as_str);
    let text = text.ok_or_else(|| Unavailable::new("it is binary; only text can be a part of a request"))?;
    let Some(key) = key else { return Ok(text.to_owned()) };
    let fields = object(text.as_bytes()).ok_or_else(|| Unavailable::new("it is not a JSON object"))?;
    let value = fields.get(key).and_then(Value::as_str);
    value
        .map(str::to_owned)
        .ok_or_else(|| Unavailable::new(format!("its JSON has no text with the key {key}")))
}

/// What a service that speaks JSON answers.
fn ask(
    services: &Services,
    service: Service,
    operation: &str,
    body: &str,
) -> Result<BTreeMap<String, Value>, Unavailable> {
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", operation)];
    let reply = services.call(Call { service, headers: &headers, body })?;
    if reply.status != 200 {
        return Err(failure(service, operation, &reply));
    }
    let invalid = || Unavailable::new(format!("the answer of {} is not valid", service.name()));
    object(&reply.body).ok_or_else(invalid)
}

/// What an answer means that is an error. Its message is not reported: it can contain what was signed.
fn failure(service: Service, operation: &str, reply: &Reply) -> Unavailable {
    let code = object(&reply.body).and_then(|error| Some(error.get("__type")?.as_str()?.to_owned()));
    let code = code.unwrap_or_else(|| "no code".to_owned());
    // Some services write the name of their protocol before it.
    let code = cut(code.rsplit('#').next().unwrap_or_default(), MAX_CODE);
    let (name, operation) = (service.name(), operation.rsplit('.').next().unwrap_or_default());
    let what_to_do = if code.contains("AccessDenied") {
        format!(
            "; the role of the function needs {name}:{operation} for it, and kms:Decrypt for a key of its own"
        )
    } else {
        String::new()
    };
    Unavailable::new(format!("{name} answered {} ({}){what_to_do}", reply.status, line(code)))
}

/// A text in JSON.
fn quoted(text: &str) -> String {
    // Text always serialises.
    serde_json::to_string(text).unwrap_or_default()
}

/// Reads JSON as the map that other answers are read as: code for one more type would make the bootstrap larger.
fn object(json: &[u8]) -> Option<BTreeMap<String, Value>> {
    serde_json::from_str(std::str::from_utf8(json).ok()?).ok()
}

#[cfg(test)]
mod tests;
