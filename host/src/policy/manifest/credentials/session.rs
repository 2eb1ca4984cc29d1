//! The role of a credential, and the session of each tenant: tags, policy and external id.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::manifest::document::{Entry, Table};
use crate::policy::manifest::template::{self, Names, template, texts};
use crate::policy::{Role, Template};

/// AWS's own limits (P1.27, P1.28).
const MOST_TAGS: usize = 50;
const LONGEST_TAG_KEY: usize = 128;
const LONGEST_TAG_VALUE: usize = 256;
const LONGEST_POLICY: usize = 2048;
const LONGEST_EXTERNAL_ID: usize = 1224;

const ARN: &str = "the ARN of a role, such as \"arn:aws:iam::123456789012:role/tenant\"";

/// Reads `role`, and what belongs to it.
pub(super) fn role(table: &Table<'_>) -> Option<Role> {
    let Some(entry) = table.entry("role") else {
        for entry in
            ["session_tags", "session_policy", "external_id"].iter().filter_map(|key| table.entry(key))
        {
            entry.mistake(
                "this is for the session of a role; add role = \"arn:aws:iam::123456789012:role/tenant\", for example",
            );
        }
        return None;
    };
    let arn = entry.string(ARN).and_then(|text| entry.understood(arn(text)));
    let session_tags = table.entry("session_tags").map(|entry| tags(&entry));
    let session_policy = table
        .entry("session_policy")
        .and_then(|entry| entry.understood(policy(entry.string("a string with JSON")?)));
    let external_id = table
        .entry("external_id")
        .and_then(|entry| entry.understood(external_id(entry.string("a string, such as \"{tenant}\"")?)));
    Some(Role {
        arn: arn?.value,
        session_tags: session_tags.unwrap_or_default(),
        session_policy: session_policy.map(|spanned| spanned.value),
        external_id: external_id.map(|spanned| spanned.value),
    })
}

fn arn(text: &str) -> Result<Box<str>, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_role = match parts[..] {
        ["arn", partition, "iam", "", account, role] => {
            partition.starts_with("aws")
                && partition.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && role
                    .strip_prefix("role/")
                    .is_some_and(|name| is_made_of(name, "+=,.@-_/") && !name.ends_with('/'))
        }
        _ => false,
    };
    match is_role {
        true => Ok(text.into()),
        false => Err(format!("{text:?} is not a role; expected {ARN}")),
    }
}

fn tags(entry: &Entry<'_>) -> BTreeMap<Box<str>, Template> {
    const EXAMPLE: &str = "{ tenant = \"{tenant}\" }";
    let Some(table) = entry.table(EXAMPLE) else { return BTreeMap::new() };
    let entries: Vec<Entry<'_>> = table.entries().collect();
    if entries.len() > MOST_TAGS {
        entry.mistake(format!("a session has at most {MOST_TAGS} tags, and these are {}", entries.len()));
    }
    let mut known = BTreeSet::new();
    let read = |entry: &Entry<'_>| {
        let key = entry.understood(tag_key(entry.key));
        let value = entry.understood(tag_value(entry.string("a string, such as \"{tenant}\"")?));
        if !known.insert(entry.key.to_lowercase()) {
            entry.mistake("a tag of this name is there already, in other case; leave one of them out");
        }
        Some((key?.value, value?.value))
    };
    entries.iter().filter_map(read).collect()
}

fn tag_key(key: &str) -> Result<Box<str>, String> {
    if key.to_lowercase().starts_with("aws:") {
        return Err(format!("{key:?} begins with aws:, which AWS reserves"));
    }
    match is_tag(key) && (1..=LONGEST_TAG_KEY).contains(&key.chars().count()) {
        true => Ok(key.into()),
        false => Err(format!(
            "{key:?} is not the key of a tag; expected 1 to {LONGEST_TAG_KEY} letters, digits, spaces and _ . : / = + - @"
        )),
    }
}

fn tag_value(text: &str) -> Result<Template, String> {
    let value = template(text, Names::Tenant)?;
    let length: usize = texts(&value).map(|text| text.chars().count()).sum();
    match texts(&value).all(is_tag) && length <= LONGEST_TAG_VALUE {
        true => Ok(value),
        false => Err(format!(
            "{text:?} is not the value of a tag; expected up to {LONGEST_TAG_VALUE} letters, digits, spaces and \
             _ . : / = + - @"
        )),
    }
}

/// The characters of a tag, by the rule of AWS: `[\p{L}\p{Z}\p{N}_.:/=+\-@]`.
fn is_tag(text: &str) -> bool {
    let is_space = |c: char| c.is_whitespace() && !c.is_control();
    text.chars().all(|c| c.is_alphanumeric() || is_space(c) || "_.:/=+-@".contains(c))
}

fn policy(text: &str) -> Result<Template, String> {
    let policy = template::json(text);
    let length: usize = texts(&policy).map(|text| text.chars().count()).sum();
    if length > LONGEST_POLICY {
        return Err(format!(
            "the policy has {length} characters, and AWS takes {LONGEST_POLICY}; put what is the same for all tenants into \
             the role"
        ));
    }
    let filled = text.replace("{tenant}", "tenant");
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&filled) {
        Ok(object) if object.contains_key("Statement") => Ok(policy),
        Ok(_) => Err("the policy has no `Statement`".to_owned()),
        Err(error) => Err(format!("the policy is not a JSON object: {error}")),
    }
}

fn external_id(text: &str) -> Result<Template, String> {
    let id = template(text, Names::Tenant)?;
    let length: usize = texts(&id).map(str::len).sum();
    let is_long_enough = !text.is_empty();
    match texts(&id).all(|text| is_made_of(text, "+=,.@:/-_"))
        && is_long_enough
        && length <= LONGEST_EXTERNAL_ID
    {
        true => Ok(id),
        false => Err(format!(
            "{text:?} is not an external id; expected up to {LONGEST_EXTERNAL_ID} letters, digits and + = , . @ : / - _"
        )),
    }
}

fn is_made_of(text: &str, others: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Part;

    #[test]
    fn a_role_is_named_by_its_arn() {
        for text in
            ["arn:aws:iam::123456789012:role/tenant", "arn:aws-cn:iam::123456789012:role/a/b/tenant_1+=,.@-x"]
        {
            assert_eq!(arn(text), Ok(text.into()));
        }
        for text in [
            "",
            "tenant",
            "arn:aws:iam::12345678901:role/tenant",
            "arn:aws:iam::123456789012:user/tenant",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam:eu-west-1:123456789012:role/tenant",
            "arn:gcp:iam::123456789012:role/tenant",
            "arn:aws:sts::123456789012:assumed-role/tenant/x",
        ] {
            assert!(arn(text).unwrap_err().contains("is not a role; expected the ARN"), "{text}");
        }
    }

    #[test]
    fn tags_have_the_characters_that_aws_takes() {
        assert_eq!(tag_key("tenant").unwrap().as_ref(), "tenant");
        assert!(tag_key(&"é".repeat(128)).is_ok());
        for key in ["", "a*b", "a\n", &"é".repeat(129)] {
            assert!(tag_key(key).unwrap_err().contains("is not the key of a tag"), "{key}");
        }
        assert!(tag_key("AWS:x").unwrap_err().contains("which AWS reserves"));
        assert_eq!(tag_value("{tenant}").unwrap().parts, [Part::Tenant]);
        assert!(tag_value("a b/é").is_ok() && tag_value("").is_ok());
        for value in ["*", "a?", &"x".repeat(257)] {
            assert!(tag_value(value).unwrap_err().contains("is not the value of a tag"), "{value}");
        }
    }

    #[test]
    fn a_session_policy_is_json() {
        let template = policy(r#"{"Statement": [{"Resource": "arn:aws:s3:::b/{tenant}/*"}]}"#).unwrap();
        assert_eq!(template.parts.len(), 3);
        assert_eq!(template.parts[1], Part::Tenant);
        for (text, expected) in [
            ("", "the policy is not a JSON object"),
            ("[]", "the policy is not a JSON object"),
            ("{\"Statement\": }", "the policy is not a JSON object: expected value at line 1"),
            ("{}", "the policy has no `Statement`"),
            (&format!("{{\"Statement\": \"{}\"}}", "x".repeat(2048)), "the policy has 2065 characters"),
        ] {
            let error = policy(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn an_external_id_has_the_characters_that_aws_takes() {
        assert_eq!(external_id("bulkhead:{tenant}").unwrap().parts.len(), 2);
        for text in ["", "a b", "é", &"x".repeat(1225)] {
            assert!(external_id(text).unwrap_err().contains("is not an external id"), "{text}");
        }
    }
}
