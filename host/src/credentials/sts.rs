//! `sts:AssumeRole`: its request, and its answer, which is XML.

use std::fmt::Write as _;

use super::Unavailable;
use super::services::{Call, Service, Services};
use crate::aws::sigv4::escaped;
use crate::aws::{Credentials, Reply};
use crate::policy::{Part, Role, Template};
use crate::text::bounded::cut;
use crate::text::printable::line;

/// How long a session lasts, in seconds. A role that assumes another one gets no longer sessions.
const DURATION: u32 = 3600;
/// The longest value of a tag, in characters.
const MAX_TAG: usize = 256;
/// The longest session policy, in characters.
const MAX_POLICY: usize = 2048;
/// How much of a code of STS is reported.
const MAX_CODE: usize = 64;

/// The body of a request for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AssumeRole(String);

/// There is no session.
#[derive(Debug)]
pub(super) enum Failed {
    /// Another attempt may have one.
    Busy(Unavailable),
    /// Another attempt has the same result.
    Refused(Unavailable),
}

impl AssumeRole {
    /// A request for a session of this role.
    ///
    /// # Errors
    /// If the tenant's id cannot be a part of it.
    pub(super) fn new(role: &Role, session_name: &str, tenant: Option<&str>) -> Result<Self, Unavailable> {
        let mut form = format!("Action=AssumeRole&Version=2011-06-15&DurationSeconds={DURATION}");
        let mut add = |name: &str, value: &str| {
            // Writing to a text does not fail.
            let _ = write!(form, "&{name}={}", escaped(value.as_bytes(), b""));
        };
        add("RoleArn", &role.arn);
        add("RoleSessionName", session_name);
        for (at, (key, value)) in role.session_tags.iter().enumerate() {
            let value = rendered(value, tenant)?;
            if value.chars().count() > MAX_TAG {
                return Err(Unavailable::new(format!(
                    "the value of the session tag {key} has more than {MAX_TAG} characters"
                )));
            }
            add(&format!("Tags.member.{}.Key", at + 1), key);
            add(&format!("Tags.member.{}.Value", at + 1), &value);
        }
        if let Some(policy) = &role.session_policy {
            if tenant.is_some_and(|id| id.contains(':')) {
                return Err(Unavailable::new(
                    "the tenant's id has a colon, and cannot be a part of a policy",
                ));
            }
            let policy = rendered(policy, tenant)?;
            if policy.chars().count() > MAX_POLICY {
                return Err(Unavailable::new(format!(
                    "the session policy has more than {MAX_POLICY} characters"
                )));
            }
            add("Policy", &policy);
        }
        if let Some(id) = &role.external_id {
            add("ExternalId", &rendered(id, tenant)?);
        }
        Ok(Self(form))
    }

    /// Asks for the session. It blocks.
    pub(super) fn send(&self, services: &Services) -> Result<Credentials, Failed> {
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let call = Call { service: Service::Sts, headers: &headers, body: &self.0 };
        let reply = services.call(call).map_err(Failed::Busy)?;
        if reply.status == 200 {
            let invalid = || Failed::Refused(Unavailable::new("the answer of STS is not valid"));
            return credentials(&reply.body).ok_or_else(invalid);
        }
        Err(failure(&reply))
    }
}

/// The text of a template.
///
/// The id of a tenant must neither end the string of JSON that it is in, nor be a pattern, nor look like a variable of a policy.
/// Nor may it contain a slash: the objects below `acme/` would contain those of the tenant `acme/x`.
fn rendered(template: &Template, tenant: Option<&str>) -> Result<String, Unavailable> {
    let mut text = String::new();
    for part in &template.parts {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Tenant => {
                let id = tenant.ok_or_else(|| {
                    Unavailable::new("the role is assumed for a {tenant}, and the event has no tenant")
                })?;
                if !id.chars().all(is_plain) || id.trim() != id {
                    return Err(Unavailable::new(
                        "the tenant's id cannot be a part of a session: only letters, digits, spaces within it and \
                         _.:=+-@ can",
                    ));
                }
                text.push_str(id);
            }
            Part::Secret(secret) => {
                let name = &secret.name;
                return Err(Unavailable::new(format!("the secret {name} cannot be a part of a session")));
            }
        }
    }
    Ok(text)
}

/// What AWS allows in the values of tags, but for the slash.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "_.:=+-@".contains(c) || (c.is_whitespace() && !c.is_control())
}

/// The four elements of an answer that has each of them once. They contain neither markup nor references.
fn credentials(body: &[u8]) -> Option<Credentials> {
    let text = std::str::from_utf8(body).ok()?;
    let within = element(text, "Credentials")?;
    let value = |name: &str| {
        let value = element(within, name)?;
        let is_plain =
            !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && !b"<&".contains(&b));
        is_plain.then(|| value.to_owned())
    };
    Some(Credentials {
        access_key: value("AccessKeyId")?,
        secret: value("SecretAccessKey")?,
        token: Some(value("SessionToken")?),
        expires: Some(humantime::parse_rfc3339(&value("Expiration")?).ok()?),
    })
}

/// What is between the only start and the only end of an element without attributes.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let (_, rest) = text.split_once(&start)?;
    let (within, after) = rest.split_once(&end)?;
    let is_only = ![within, after].iter().any(|part| part.contains(&start) || part.contains(&end));
    is_only.then_some(within.trim())
}

/// What an answer means that is not a session. Its message is not reported: it can contain what was signed.
fn failure(reply: &Reply) -> Failed {
    let text = std::str::from_utf8(&reply.body).unwrap_or_default();
    let code = element(text, "Code").map_or("no code", |code| cut(code, MAX_CODE));
    let what_to_do = match code {
        "AccessDenied" => {
            "; the function's role needs sts:AssumeRole and, for session tags, sts:TagSession for this role, and the \
             role must trust it for both"
        }
        "PackedPolicyTooLarge" => "; make the session policy shorter, or use fewer tags",
        "MalformedPolicyDocument" => "; the session policy is not one that AWS understands",
        "RegionDisabledException" => "; STS is not active in this region",
        _ => "",
    };
    let error = Unavailable::new(format!("STS answered {} ({}){what_to_do}", reply.status, line(code)));
    let is_busy = code.starts_with("Throttling") || code == "RequestLimitExceeded" || reply.status >= 500;
    if is_busy || reply.status == 429 { Failed::Busy(error) } else { Failed::Refused(error) }
}

#[cfg(test)]
mod tests;
