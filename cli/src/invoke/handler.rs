//! The handler that the command line of `invoke` names.

use std::path::Path;

use anyhow::{bail, ensure};
use bulkhead_host::policy::manifest::{Manifest, UnknownTenant};
use bulkhead_host::text::printable::name;

use crate::handlers;

/// The value of `_HANDLER` of a function that has one handler, or whose events choose theirs.
const ANY: &str = "handler";

/// The value of `_HANDLER`.
pub(super) fn choose(root: &Path, manifest: &Manifest, asked: Option<&str>) -> anyhow::Result<String> {
    if let Some(asked) = asked {
        if handlers::is_there(root, manifest, asked)? {
            return Ok(asked.to_owned());
        }
        match event_in_its_place(asked) {
            Some(answer) => bail!(answer),
            None => bail!("{}", handlers::missing(root, manifest, asked)?),
        }
    }
    let names = handlers::names(root, manifest)?;
    let events_choose = manifest.has_tenants() || manifest.routing.unknown_tenant != UnknownTenant::Reject;
    ensure!(
        names.len() < 2 || events_choose,
        "{} has {} handlers: {}; name the one to invoke: `bulkhead invoke {}`",
        handlers::place(root),
        names.len(),
        name(&names.join(", ")),
        names.first().map(|first| name(first)).unwrap_or_default()
    );
    Ok(ANY.to_owned())
}

/// The answer if an event was written where a handler is expected.
fn event_in_its_place(asked: &str) -> Option<String> {
    if asked.trim_start().starts_with(['{', '[', '"']) {
        return Some(
            "the argument is a handler's name; to send this event, put --event before it".to_owned(),
        );
    }
    let is_event = asked.starts_with('@') || asked.ends_with(".json") || Path::new(asked).is_file();
    let file = asked.trim_start_matches('@');
    is_event
        .then(|| format!("there is no handler \"{}\"; did you mean --event @{}?", name(asked), name(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(toml: &str, files: &[&str], asked: Option<&str>) -> Result<String, String> {
        let root = tempfile::tempdir().unwrap();
        files.iter().for_each(|file| std::fs::write(root.path().join(file), "").unwrap());
        let manifest = Manifest::parse(toml).unwrap();
        choose(root.path(), &manifest, asked).map_err(|error| error.to_string())
    }

    #[test]
    fn a_handler_is_named_or_any_name_will_do() {
        assert_eq!(chosen("", &["hello.wasm", "b.wasm"], Some("hello")).as_deref(), Ok("hello"));
        assert_eq!(chosen("", &["hello.wasm"], None).as_deref(), Ok(ANY));
        let tenants = "handlers = { a = {}, b = {} }\ntenants.t.handler = \"a\"";
        assert_eq!(chosen(tenants, &[], None).as_deref(), Ok(ANY));
    }

    #[test]
    fn a_slip_is_answered_with_what_is_meant() {
        for (asked, expected) in [
            ("helo", "there is no handler \"helo\"; did you mean hello?"),
            ("zzz", "there is no handler \"zzz\"; the only handler is hello"),
            ("event.json", "there is no handler \"event.json\"; did you mean --event @event.json?"),
            ("@event.json", "there is no handler \"@event.json\"; did you mean --event @event.json?"),
            ("/etc/passwd", "there is no handler \"/etc/passwd\"; did you mean --event @/etc/passwd?"),
            ("{}", "the argument is a handler's name; to send this event, put --event before it"),
        ] {
            assert_eq!(chosen("", &["hello.wasm"], Some(asked)).unwrap_err(), expected);
        }
        let several = chosen("handlers = { a = {}, b = {} }", &[], None).unwrap_err();
        assert!(
            several.ends_with(" has 2 handlers: a, b; name the one to invoke: `bulkhead invoke a`"),
            "{several}"
        );
    }
}
