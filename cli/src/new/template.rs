//! What projects start from: the files below `cli/templates`, as they are, but for the name and the SDK.

use std::path::Path;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::name::Name;

/// One of them.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// What `bulkhead invoke` needs beside the event.
    pub(super) invoke: &'static str,
    /// Where each file goes, and what is in it.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// A template whose files all have the same places.
macro_rules! template {
    ($name:literal, $about:literal, invoke: $invoke:literal) => {
        &Template {
            name: $name,
            about: $about,
            invoke: $invoke,
            files: &[
                // A file of that name below `templates` would be in force there.
                (".gitignore", include_str!("../../templates/gitignore")),
                ("Cargo.toml", include_str!(concat!("../../templates/", $name, "/Cargo.toml"))),
                ("README.md", include_str!(concat!("../../templates/", $name, "/README.md"))),
                ("bulkhead.toml", include_str!(concat!("../../templates/", $name, "/bulkhead.toml"))),
                ("event.json", include_str!(concat!("../../templates/", $name, "/event.json"))),
                ("src/lib.rs", include_str!(concat!("../../templates/", $name, "/src/lib.rs"))),
            ],
        }
    };
}

/// The first is the one for whoever does not choose.
pub(super) static TEMPLATES: [&Template; 6] = [
    template!("hello", "a typed event in, a typed response out", invoke: ""),
    template!("http", "an HTTP service: routes, JSON, status codes", invoke: ""),
    template!("streaming", "a response that is sent while it is made", invoke: ""),
    template!("api-gateway", "API Gateway's own event and response", invoke: ""),
    template!("sqs", "a batch from a queue, with partial failures", invoke: ""),
    template!("tenants", "one handler, several tenants with limits of their own", invoke: " --tenant acme"),
];

/// Takes the name of a template.
pub(super) fn parser() -> impl TypedValueParser<Value = &'static Template> {
    let names = TEMPLATES.map(|template| PossibleValue::new(template.name).help(template.about));
    PossibleValuesParser::new(names).try_map(|name| {
        let found = TEMPLATES.iter().find(|template| template.name == name);
        found.copied().ok_or_else(|| format!("there is no template {name}"))
    })
}

/// A file's text, with the name in it, and the SDK of a checkout if there is one.
pub(super) fn filled(text: &str, name: &Name, sdk: Option<&Path>) -> String {
    let text = text.replace("{{name}}", &name.to_string());
    let Some(sdk) = sdk else { return text };
    let path = format!("path = {:?}", sdk.display().to_string());
    text.replace(SDK_ALONE, &format!("bulkhead = {{ {path} }}"))
        .replace(SDK_WITH, &format!("bulkhead = {{ {path}"))
}

/// How a template depends on the SDK, without and with features.
const SDK_ALONE: &str = "bulkhead = \"0.1\"";
const SDK_WITH: &str = "bulkhead = { version = \"0.1\"";

#[cfg(test)]
mod tests {
    use bulkhead_host::manifest::Manifest;

    use super::*;

    fn file(template: &Template, wanted: &str, sdk: Option<&Path>) -> String {
        let (_, text) = template.files.iter().find(|(file, _)| *file == wanted).unwrap();
        filled(text, &"my-handler".parse().unwrap(), sdk)
    }

    #[test]
    fn every_template_has_a_manifest_without_mistakes() {
        for template in TEMPLATES {
            let manifest = Manifest::parse(&file(template, "bulkhead.toml", None)).unwrap();
            assert_eq!(manifest.handlers.len(), 1, "{}", template.name);
            assert_eq!(manifest.handlers[0].name, "my-handler");
        }
    }

    #[test]
    fn every_event_is_json_and_nothing_is_left_to_fill_in() {
        for template in TEMPLATES {
            assert!(serde_json::from_str::<serde_json::Value>(&file(template, "event.json", None)).is_ok());
            for (name, text) in template.files {
                assert!(
                    !filled(text, &"x".parse().unwrap(), None).contains("{{"),
                    "{}/{name}",
                    template.name
                );
            }
        }
    }

    #[test]
    fn every_template_depends_on_this_version_or_on_a_checkout() {
        assert!(env!("CARGO_PKG_VERSION").starts_with("0.1."), "the templates name another version");
        for template in TEMPLATES {
            let published = file(template, "Cargo.toml", None);
            assert!(published.contains(SDK_ALONE) || published.contains(SDK_WITH), "{published}");
            let checkout = file(template, "Cargo.toml", Some(Path::new("/src/guest-sdk")));
            assert!(checkout.contains("bulkhead = { path = \"/src/guest-sdk\""), "{checkout}");
            assert!(!checkout.contains("\"0.1\""), "{checkout}");
        }
    }
}
