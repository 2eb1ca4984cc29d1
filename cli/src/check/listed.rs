//! Lists the policies of handlers without an overall result, so that a mistake in one handler does not hide the
//! policies of the others.

use std::path::Path;

use bulkhead_host::policy::Policy;
use bulkhead_host::policy::manifest::Manifest;
use serde_json::{Value, json};

use super::components::ComponentLoader;
use super::credentials::{self, Credential};
use super::policies::{Group, groups};
use super::print;
use super::report::Component;

/// The grants and denied imports of the handlers of a task root. `names` are the handlers of a root whose
/// manifest names none.
pub(crate) fn policies_of(root: &Path, names: &[String]) -> anyhow::Result<Vec<Value>> {
    let manifest = Manifest::read(root)?.unwrap_or_default();
    let mut loader = ComponentLoader::of(root);
    if !manifest.has_only_handler() {
        let handlers = manifest.handlers.iter().enumerate();
        return handlers.map(|(at, handler)| Ok(shown(&manifest, at, &loader.named(handler)?))).collect();
    }
    let mut all = Vec::new();
    for name in names {
        let (handler, component) = match loader.only(&manifest, Some(name))? {
            Ok((handler, component)) => (handler, Ok(component)),
            Err(problem) => {
                all.push(json!({ "name": name, "policies": [], "problem": problem }));
                continue;
            }
        };
        let alone = Manifest { handlers: vec![handler], ..manifest.clone() };
        all.push(shown(&alone, 0, &component));
    }
    Ok(all)
}

/// One handler. If its component cannot be loaded, its imports are unknown.
fn shown(manifest: &Manifest, at: usize, component: &Result<Component, String>) -> Value {
    let Some(handler) = manifest.handlers.get(at) else { return Value::Null };
    let imports = component.as_ref().map_or(&[][..], |component| &component.imports);
    let policies: Vec<_> =
        groups(manifest, at).iter().map(|group| group.report(&handler.policy, imports)).collect();
    json!({ "name": handler.name, "policies": policies, "component": component.as_ref().ok(), "problem": component.as_ref().err() })
}

/// A policy that is not in `bulkhead.toml`: that of a tenant in a store, whose component has these imports. As JSON, and
/// for people.
pub(crate) fn policy_of(tenant: &str, policy: &Policy, imports: &[String]) -> (Value, String) {
    let group = Group { policy, events: None, tenants: vec![tenant] };
    let report = group.report(policy, imports);
    let credentials: Vec<Credential> =
        policy.grants.credentials.iter().map(|credential| Credential::of(credential)).collect();
    (json!(report), print::policy(&report, false) + &credentials::text(&credentials))
}
