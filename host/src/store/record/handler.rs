//! What handles the events of a tenant: a component with its native code, or a script.
//!
//! In a record, both are the same object of JSON: one with `component`, `kind` and `native`, the other with `script`.

use serde::{Deserialize, Serialize};

use crate::policy::manifest::store::Settings;
use crate::store::{Digest, DigestError};

/// What handles the events of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Handler {
    /// What runs.
    pub code: Code,
    /// The limits and grants that it asks for.
    pub settings: Settings,
}

/// What runs for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// A component.
    Component(ComponentCode),
    /// The script with this digest, in the engine of the package.
    Script(Digest),
}

/// A component, and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentCode {
    /// The digest of the component.
    pub component: Digest,
    /// The kind of the component: the name of a [`Kind`](crate::wasm::Kind).
    pub kind: String,
    /// The native code of the component, for each processor and build.
    pub native: Vec<Native>,
}

/// The native code of a component for one processor and one build of Bulkhead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Native {
    /// The processor: the name of a [`Target`](crate::engine::Target).
    pub target: String,
    /// The versions of Bulkhead and of its engine: [`BUILD`](crate::engine::BUILD).
    pub build: String,
    /// The digest of the `.cwasm`.
    pub digest: Digest,
    /// The size of the `.cwasm`.
    pub bytes: u64,
}

impl Handler {
    /// The native code of its component; none if it is a script.
    pub fn native(&self) -> &[Native] {
        match &self.code {
            Code::Component(component) => &component.native,
            Code::Script(_) => &[],
        }
    }
}

impl Code {
    /// The kind of a component, or `script`.
    pub fn kind(&self) -> &str {
        match self {
            Self::Component(component) => &component.kind,
            Self::Script(_) => "script",
        }
    }

    /// The digest of the component or of the script.
    pub fn digest(&self) -> &Digest {
        match self {
            Self::Component(component) => &component.component,
            Self::Script(digest) => digest,
        }
    }
}

impl ComponentCode {
    /// The native code for a processor and a build.
    pub fn native_for(&self, target: &str, build: &str) -> Option<&Native> {
        self.native.iter().find(|native| native.target == target && native.build == build)
    }
}

/// A handler as a record has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    #[serde(default)]
    settings: Settings,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    native: Vec<Native>,
}

impl TryFrom<Written> for Handler {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { component, kind, script, settings, native } = written;
        let digest = |text: String| text.parse().map_err(|DigestError| "a digest is not valid");
        let code = match (component, kind, script) {
            (Some(component), Some(kind), None) => {
                Code::Component(ComponentCode { component: digest(component)?, kind, native })
            }
            (None, None, Some(script)) if native.is_empty() => Code::Script(digest(script)?),
            _ => return Err("a handler has either `component` and `kind`, or `script` and no `native`"),
        };
        Ok(Self { code, settings })
    }
}

impl From<Handler> for Written {
    fn from(Handler { code, settings }: Handler) -> Self {
        match code {
            Code::Component(ComponentCode { component, kind, native }) => {
                Self { component: Some(component.into()), kind: Some(kind), script: None, settings, native }
            }
            Code::Script(script) => {
                let native = Vec::new();
                Self { component: None, kind: None, script: Some(script.into()), settings, native }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_handler_is_a_component_or_a_script_and_is_read_as_it_was_written() {
        let digest = Digest::of(b"x");
        let native = json!([{ "target": "x86_64", "build": "b", "digest": digest, "bytes": 1 }]);
        let component = json!({ "component": digest, "kind": "http", "settings": {}, "native": native });
        let script = json!({ "script": digest, "settings": { "reuse": 2 } });
        for (written, kind, natives) in [(component, "http", 1), (script, "script", 0)] {
            let handler: Handler = serde_json::from_value(written.clone()).unwrap();
            assert_eq!((handler.code.kind(), handler.native().len()), (kind, natives));
            assert_eq!(handler.code.digest(), &digest);
            assert_eq!(serde_json::to_value(handler).unwrap(), written);
        }
        let text = json!({ "component": digest, "kind": "handler", "native": [] }).to_string();
        let handler: Handler = serde_json::from_str(&text).unwrap();
        let order = serde_json::to_string(&handler).unwrap();
        assert!(order.starts_with("{\"component\":") && order.ends_with("\"settings\":{}}"));
    }

    #[test]
    fn a_handler_that_is_both_or_neither_is_refused() {
        let digest = Digest::of(b"x");
        for wrong in [
            json!({}),
            json!({ "settings": {} }),
            json!({ "component": digest }),
            json!({ "kind": "handler" }),
            json!({ "script": digest, "kind": "handler" }),
            json!({ "script": digest, "native": [{ "target": "a", "build": "b", "digest": digest, "bytes": 1 }] }),
            json!({ "script": digest, "component": digest, "kind": "handler" }),
            json!({ "script": "sha256:../a" }),
            json!({ "script": digest, "entry": "index.js" }),
        ] {
            let read = serde_json::from_value::<Handler>(wrong.clone());
            assert!(read.is_err(), "{wrong}");
        }
    }
}
