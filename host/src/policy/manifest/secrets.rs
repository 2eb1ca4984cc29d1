//! `[secrets.NAME]`: where a secret comes from. Its value is never read here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::document::Table;
use super::{environment, sections};
use crate::policy::{Secret, SecretSource};

pub(super) const KEYS: [&str; 1] = ["from"];

/// The secrets, by name.
pub(super) type Secrets = BTreeMap<Box<str>, Arc<Secret>>;

const EXPECTED: &str = "\"env:NAME\", \"ssm:NAME\", \"secretsmanager:ID#KEY\" or \"file:PATH\"";

/// Reads the table of all secrets.
pub(super) fn secrets(root: &Table<'_>) -> Secrets {
    let table = root.table("secrets", "{ stripe = { from = \"ssm:/prod/stripe\" } }");
    let mut secrets = Secrets::new();
    for entry in table.iter().flat_map(Table::entries) {
        entry.understood(name(entry.key));
        let from = entry.table("{ from = \"ssm:/prod/stripe\" }").and_then(|table| {
            table.only(&KEYS, |_| None);
            let Some(from) = table.entry("from") else {
                entry.mistake(format!("the key `from` is missing; expected {EXPECTED}"));
                return None;
            };
            from.understood(source(from.string(EXPECTED)?)).map(|spanned| spanned.value)
        });
        // A secret with a mistake is kept, so that the templates that name it are not reported as well.
        let from = from.unwrap_or_else(|| SecretSource::File(Box::default()));
        let name: Box<str> = entry.key.into();
        secrets.insert(name.clone(), Arc::new(Secret { name, from }));
    }
    secrets
}

/// The name of a secret, which templates contain.
fn name(name: &str) -> Result<(), &'static str> {
    match name {
        "tenant" => Err("a secret cannot be called tenant, because {tenant} is the id of the tenant"),
        _ => sections::name(name),
    }
}

/// Reads `from`.
fn source(text: &str) -> Result<SecretSource, String> {
    let wrong = || format!("{text:?} does not say where the secret is; expected {EXPECTED}");
    let (kind, place) = text.split_once(':').ok_or_else(wrong)?;
    match kind {
        "env" => {
            let name = environment::name(place).map_err(|_| {
                format!("{place:?} is not a variable that can hold a secret: it is not a valid name, or Lambda reserves it")
            })?;
            Ok(SecretSource::Environment(name.into()))
        }
        "ssm" => match is_made_of(place, "_.-/:", 2048) {
            true => Ok(SecretSource::Parameter(place.into())),
            false => Err(format!("{place:?} is not the name or the ARN of a parameter")),
        },
        "secretsmanager" => {
            let (id, key) = place.split_once('#').map_or((place, None), |(id, key)| (id, Some(key)));
            if !is_made_of(id, "/_+=.@-:", 2048) {
                return Err(format!("{id:?} is not the name or the ARN of a secret of Secrets Manager"));
            }
            if key.is_some_and(str::is_empty) {
                return Err(format!("{text:?} has no key after the #; add the key of the secret's JSON"));
            }
            Ok(SecretSource::SecretsManager { id: id.into(), key: key.map(Into::into) })
        }
        "file" => file(place).map(SecretSource::File),
        _ => Err(wrong()),
    }
}

fn file(path: &str) -> Result<Box<str>, String> {
    if path.is_empty() || path.ends_with('/') || path.contains(char::is_control) {
        return Err(format!("{path:?} is not the path of a file"));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(format!("{path:?} contains `..`; write the path without it"));
    }
    Ok(path.into())
}

/// Whether a text has a character at least, and only letters, digits and these.
fn is_made_of(text: &str, others: &str, most: usize) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    (1..=most).contains(&text.len()) && text.chars().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_source() {
        let manager = |id: &str, key: Option<&str>| SecretSource::SecretsManager {
            id: id.into(),
            key: key.map(Into::into),
        };
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/stripe-AbCdEf";
        for (text, expected) in [
            ("env:STRIPE_KEY", SecretSource::Environment("STRIPE_KEY".into())),
            ("ssm:/prod/stripe", SecretSource::Parameter("/prod/stripe".into())),
            ("ssm:stripe:3", SecretSource::Parameter("stripe:3".into())),
            ("secretsmanager:prod/stripe", manager("prod/stripe", None)),
            ("secretsmanager:prod/stripe#a#b", manager("prod/stripe", Some("a#b"))),
            (&format!("secretsmanager:{arn}#key"), manager(arn, Some("key"))),
            ("file:secrets/stripe", SecretSource::File("secrets/stripe".into())),
            ("file:/mnt/secrets/a b", SecretSource::File("/mnt/secrets/a b".into())),
        ] {
            assert_eq!(expected.to_string(), text);
            assert_eq!(source(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_source_says_why() {
        for (text, expected) in [
            ("", "\"\" does not say where the secret is; expected \"env:NAME\", "),
            ("sk_live_1", "does not say where the secret is"),
            ("vault:x", "does not say where the secret is"),
            ("env:", "is not a variable that can hold a secret"),
            ("env:A=B", "is not a variable that can hold a secret"),
            ("env:AWS_SECRET_ACCESS_KEY", "or Lambda reserves it"),
            ("ssm:", "is not the name or the ARN of a parameter"),
            ("ssm:a b", "is not the name or the ARN of a parameter"),
            ("secretsmanager:", "is not the name or the ARN of a secret"),
            ("secretsmanager:#key", "is not the name or the ARN of a secret"),
            ("secretsmanager:a#", "has no key after the #"),
            ("file:", "is not the path of a file"),
            ("file:secrets/", "is not the path of a file"),
            ("file:a\0", "is not the path of a file"),
            ("file:../a", "contains `..`"),
        ] {
            let error = source(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
