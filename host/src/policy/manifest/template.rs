//! Texts with names in braces: `Bearer {stripe}`, `{tenant}`. Two braces stand for one.

use super::document::similar;
use super::secrets::Secrets;
use crate::policy::{Part, Template};

/// What the names in a template stand for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names<'s> {
    /// Secrets.
    Secrets(&'s Secrets),
    /// `{tenant}` alone.
    Tenant,
}

const TENANT: &str = "tenant";

/// Reads a template.
pub(super) fn template(text: &str, names: Names<'_>) -> Result<Template, String> {
    let mut parts = Parts::default();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        parts.text(before);
        rest = if let Some(rest) = from.strip_prefix("{{") {
            parts.text("{");
            rest
        } else if let Some(rest) = from.strip_prefix("}}") {
            parts.text("}");
            rest
        } else if let Some((name, rest)) = from.strip_prefix('{').and_then(|from| from.split_once('}')) {
            parts.name(part(name, names)?);
            rest
        } else {
            let (lone, is) = if from.starts_with('{') { ("{", "not closed") } else { ("}", "not open") };
            return Err(format!("a brace is {is}; write `{lone}{lone}` for `{lone}` itself"));
        };
    }
    parts.text(rest);
    Ok(parts.0)
}

/// Reads a template of JSON, in which braces are braces. Only `{tenant}` stands for something else.
pub(super) fn json(text: &str) -> Template {
    let mut parts = Parts::default();
    for (at, text) in text.split("{tenant}").enumerate() {
        if at > 0 {
            parts.name(Part::Tenant);
        }
        parts.text(text);
    }
    parts.0
}

fn part(name: &str, names: Names<'_>) -> Result<Part, String> {
    match names {
        Names::Tenant if name == TENANT => Ok(Part::Tenant),
        Names::Tenant => {
            Err(format!("`{{{name}}}` cannot be here; the only name is {{tenant}}, the id of the tenant"))
        }
        Names::Secrets(_) if name == TENANT => {
            Err("`{tenant}`, the id of the tenant, cannot be in requests; \
            it is for session_tags, session_policy and external_id"
                .to_owned())
        }
        Names::Secrets(secrets) => match secrets.get(name) {
            Some(secret) => Ok(Part::Secret(secret.clone())),
            None => Err(unknown(name, secrets)),
        },
    }
}

fn unknown(name: &str, secrets: &Secrets) -> String {
    let known: Vec<&str> = secrets.keys().map(AsRef::as_ref).collect();
    let hint = match similar(name, &known) {
        Some(similar) => format!("did you mean {{{similar}}}?"),
        None => "add it under [secrets], or write two braces for one".to_owned(),
    };
    format!("there is no secret {name:?}; {hint}")
}

/// The parts so far.
#[derive(Debug)]
struct Parts(Template);

impl Default for Parts {
    fn default() -> Self {
        Self(Template { parts: Vec::new() })
    }
}

impl Parts {
    fn name(&mut self, part: Part) {
        self.0.parts.push(part);
    }

    fn text(&mut self, text: &str) {
        match self.0.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(before)) => *before = format!("{before}{text}").into(),
            Some(Part::Tenant | Part::Secret(_)) | None => self.name(Part::Text(text.into())),
        }
    }
}

/// The texts of a template.
pub(super) fn texts(template: &Template) -> impl Iterator<Item = &str> {
    template.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(&**text),
        Part::Tenant | Part::Secret(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::{Secret, SecretSource};

    fn secret(name: &str) -> Arc<Secret> {
        Arc::new(Secret { name: name.into(), from: SecretSource::Environment("A".into()) })
    }

    fn secrets() -> Secrets {
        ["stripe", "user"].into_iter().map(|name| (name.into(), secret(name))).collect()
    }

    fn text(text: &str) -> Part {
        Part::Text(text.into())
    }

    #[test]
    fn names_stand_for_secrets() {
        for (said, expected) in [
            ("", vec![]),
            ("plain", vec![text("plain")]),
            ("Bearer {stripe}", vec![text("Bearer "), Part::Secret(secret("stripe"))]),
            ("{user}{stripe}", vec![Part::Secret(secret("user")), Part::Secret(secret("stripe"))]),
            ("{{{user}}}", vec![text("{"), Part::Secret(secret("user")), text("}")]),
            ("a{{b}}é{{", vec![text("a{b}é{")]),
        ] {
            let template = template(said, Names::Secrets(&secrets())).unwrap();
            assert_eq!(template, Template { parts: expected }, "{said}");
        }
        let of_tenant = template("t-{tenant}", Names::Tenant).unwrap();
        assert_eq!(of_tenant.parts, [text("t-"), Part::Tenant]);
        assert_eq!(of_tenant.to_string(), "t-{tenant}");
        let bearer = template("Bearer {stripe}", Names::Secrets(&secrets())).unwrap();
        assert_eq!(bearer.to_string(), "Bearer {stripe}");
    }

    #[test]
    fn what_a_name_cannot_be() {
        for (said, expected) in [
            ("Bearer {strpe}", "there is no secret \"strpe\"; did you mean {stripe}?"),
            (
                "{nothing}",
                "there is no secret \"nothing\"; add it under [secrets], or write two braces for one",
            ),
            ("{}", "there is no secret \"\"; "),
            ("{stripe", "a brace is not closed; write `{{` for `{` itself"),
            ("stripe}", "a brace is not open; write `}}` for `}` itself"),
            ("{tenant}", "`{tenant}`, the id of the tenant, cannot be in requests; it is for session_tags"),
        ] {
            let error = template(said, Names::Secrets(&secrets())).unwrap_err();
            assert!(error.starts_with(expected), "{said}: {error}");
        }
        let error = template("{stripe}", Names::Tenant).unwrap_err();
        assert!(error.starts_with("`{stripe}` cannot be here; the only name is {tenant}"), "{error}");
    }

    #[test]
    fn braces_of_json_are_braces() {
        let parts = json("{\"a\": \"{tenant}/${aws:x}\"}{tenant}").parts;
        assert_eq!(parts, [text("{\"a\": \""), Part::Tenant, text("/${aws:x}\"}"), Part::Tenant]);
    }
}
