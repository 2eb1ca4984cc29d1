//! Settings that are valid and have no effect, although their author expects one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bulkhead_host::policy::manifest::{
    self, Handler, KeyValueKind, KeyValueStore, Manifest, MixedBatches, TenantSource,
};
use bulkhead_host::policy::{Grants, InvokeMode, Limit, Limits, OtherEvents, Policy, Secret, SecretSource};
use bulkhead_host::wasm::Kind;

/// Warnings about settings of the whole file.
pub(super) fn of_manifest(root: &Path, manifest: &Manifest) -> Vec<String> {
    let mut warnings = Vec::new();
    let by_record = match &manifest.routing.tenant {
        TenantSource::Pointer(pointer) => pointer.is_within_records(),
        TenantSource::Lambda | TenantSource::Header(_) => false,
    };
    if manifest.routing.mixed_batches == MixedBatches::Split && !by_record {
        warnings.push(format!(
            "{} has no effect: a batch is split by the tenants of its records, and `tenant` is not a place in a record; set \
             it to one, such as {{ pointer = \"/Records/*/body/tenant\" }}",
            manifest::place_of(root, "routing", "mixed_batches")
        ));
    }
    // Tenants of a store may be granted hosts, and a bucket may be on a server of one's own.
    let reaches_out =
        manifest.store.is_some() || manifest.policies().any(|policy| reaches_out(&policy.grants));
    if !manifest.extra_ca_certificates.is_empty() && !reaches_out {
        warnings.push(format!(
            "{} has no effect: no handler has allowed_outbound_hosts",
            manifest::place_of(root, "outbound", "extra_ca_certificates")
        ));
    }
    warnings.extend(cpu_time(root, "limits", &manifest.default));
    warnings.extend(unused(root, manifest));
    warnings.extend(unpackaged(root, manifest));
    warnings.extend(stores(root, manifest));
    warnings
}

/// Key-value stores that no event can open, and those that no function on Lambda has.
fn stores(root: &Path, manifest: &Manifest) -> Vec<String> {
    let mut warnings = Vec::new();
    for KeyValueStore { name, kind } in &manifest.stores {
        let is_granted = manifest.policies().any(|policy| policy.grants.key_value.contains(name));
        // Tenants of a store of tenants may ask for it.
        if !is_granted && manifest.store.is_none() {
            let place = manifest::place_of(root, "stores", name);
            warnings.push(format!("{place} has no effect: no handler and no tenant has it in key_value"));
        }
        if matches!(kind, KeyValueKind::File(_)) {
            warnings.push(format!(
                "{} is for development: the bootstrap that `bulkhead package` puts into the zip has no stores of the kind \
                 \"file\", so the function would not start",
                manifest::place_of(root, &format!("stores.{name}"), "kind")
            ));
        }
    }
    warnings
}

/// Warnings about one policy, that of the table `owner`. What it has from the table `limits` is a warning of the whole
/// file.
pub(super) fn of_policy(root: &Path, owner: &str, policy: &Policy, default: &Policy) -> Vec<String> {
    let mut warnings = Vec::new();
    let times = |limits: &Limits| (limits.cpu_time, limits.wall_time);
    if times(&policy.limits) != times(&default.limits) {
        warnings.extend(cpu_time(root, &format!("{owner}.limits"), policy));
    }
    let grants = &policy.grants;
    if !grants.allowed_private_networks.is_empty() && !reaches_out(grants) {
        warnings.push(format!(
            "{} has no effect without allowed_outbound_hosts, which names the hosts in these networks",
            manifest::place_of(root, &policy.table, "allowed_private_networks")
        ));
    }
    warnings
}

/// Whether requests to any host are allowed.
fn reaches_out(grants: &Grants) -> bool {
    !grants.allowed_outbound_hosts.is_empty() || !grants.credentials.is_empty()
}

/// Credentials that nobody has, and secrets of none.
fn unused(root: &Path, manifest: &Manifest) -> Vec<String> {
    let (granted, all) = (manifest.granted_credentials(), &manifest.credentials);
    let used: BTreeSet<&str> =
        all.all().flat_map(|credential| credential.secrets()).map(|secret| &*secret.name).collect();
    let credentials = all.all().filter(|credential| !granted.contains_key(&credential.name));
    let credentials = credentials.map(|credential| {
        format!(
            "{} is not used: no handler and no tenant has it; grant it with credentials = [{:?}]",
            manifest::place_of(root, "credentials", &credential.name),
            credential.name
        )
    });
    let secrets = all.secrets().filter(|secret| !used.contains(&*secret.name)).map(|secret| {
        format!(
            "{} is not used: no credential contains {{{}}}",
            manifest::place_of(root, "secrets", &secret.name),
            secret.name
        )
    });
    credentials.chain(secrets).collect()
}

/// Files with secrets that are looked for in the task root.
fn unpackaged(root: &Path, manifest: &Manifest) -> Vec<String> {
    let warning = |secret: &Arc<Secret>| match &secret.from {
        SecretSource::File(path) if !Path::new(&**path).is_absolute() => Some(format!(
            "{}: `{path}` is in the task root, and a zip contains no secrets; name the absolute path of a file that the \
             function can read, or another source",
            manifest::place_of(root, "secrets", &secret.name)
        )),
        SecretSource::File(_)
        | SecretSource::Environment(_)
        | SecretSource::Parameter(_)
        | SecretSource::SecretsManager { .. } => None,
    };
    manifest.secrets().values().filter_map(warning).collect()
}

/// A limit of processor time that was set and that no event can reach.
fn cpu_time(root: &Path, table: &str, policy: &Policy) -> Option<String> {
    let limits = &policy.limits;
    if limits.cpu_time <= limits.wall_time || limits.cpu_time == Limits::default().cpu_time {
        return None;
    }
    let text = |limit| {
        manifest::shown(policy).into_iter().find(|shown| shown.limit == limit).map(|shown| shown.text)
    };
    Some(format!(
        "{} has no effect: it is {}, and the event ends after its wall_time of {}; lower the one, or raise the other",
        manifest::place_of(root, table, "cpu_time"),
        text(Limit::CpuTime).unwrap_or_default(),
        text(Limit::WallTime).unwrap_or_default(),
    ))
}

/// Warnings about HTTP settings of a handler that is not an HTTP service.
pub(super) fn of_kind(handler: &Handler, kind: Option<Kind>) -> Vec<String> {
    let kind = kind.filter(|kind| match kind {
        // A script may be a service.
        Kind::Http | Kind::Engine => false,
        Kind::Handler | Kind::Streaming | Kind::Command => true,
    });
    let Some(kind) = kind else { return Vec::new() };
    let said = [
        ("other_events", handler.policy.other_events != OtherEvents::default()),
        ("invoke_mode", handler.policy.invoke_mode != InvokeMode::default()),
    ];
    let idle = said.into_iter().filter(|(_, is_said)| *is_said);
    idle.map(|(key, _)| {
        format!(
            "handlers.{}.{key} has no effect: it is for HTTP services, and this component is of the kind {}; \
             remove it",
            handler.name,
            kind.name()
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulkhead_host::policy::manifest::FILE;

    fn warnings(toml: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(FILE), toml).unwrap();
        let manifest = Manifest::read(root.path()).unwrap().unwrap();
        let mut all = of_manifest(root.path(), &manifest);
        all.extend(
            manifest
                .policies()
                .flat_map(|policy| of_policy(root.path(), policy.owner(), policy, &manifest.default)),
        );
        all
    }

    #[test]
    fn a_setting_without_effect_is_named_with_its_line_and_its_reason() {
        for (toml, expected) in [
            (
                "[routing]\nmixed_batches = \"split\"",
                "bulkhead.toml:2: routing.mixed_batches has no effect: a batch is split by the tenants of its records",
            ),
            (
                "[limits]\ncpu_time = \"9s\"\n[handlers.a]",
                "bulkhead.toml:2: limits.cpu_time has no effect: it is 9s, and the event ends after its wall_time of 5s",
            ),
            (
                "[handlers.a.limits]\nwall_time = \"1s\"\ncpu_time = \"2s\"",
                "bulkhead.toml:3: handlers.a.limits.cpu_time has no effect: it is 2s, and the event ends after its",
            ),
            (
                "[handlers.a.grants]\nallowed_private_networks = [\"10.0.0.0/8\"]",
                "bulkhead.toml:2: handlers.a.grants.allowed_private_networks has no effect without allowed_outbound_hosts",
            ),
            (
                "outbound.extra_ca_certificates = [\"ca.pem\"]\n[handlers.a]",
                "bulkhead.toml:1: outbound.extra_ca_certificates has no effect: no handler has allowed_outbound_hosts",
            ),
            (
                "[handlers.a]\n[stores.cache]\nkind = \"memory\"",
                "bulkhead.toml:2: stores.cache has no effect: no handler and no tenant has it in key_value",
            ),
            (
                "[handlers.a]\ngrants.key_value = [\"kept\"]\n[stores.kept]\nkind = \"file\"\npath = \"kept.redb\"",
                "bulkhead.toml:4: stores.kept.kind is for development: the bootstrap that `bulkhead package` puts into",
            ),
        ] {
            let found = warnings(toml);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{toml}: {found:#?}");
        }
    }

    #[test]
    fn what_no_handler_uses_is_named() {
        let toml = "[secrets.a]\nfrom = 'env:A'\n[secrets.b]\nfrom = 'env:B'\n[credentials.c]\n\
                    hosts = ['https://a.b']\nheaders.x = '{a}'\n[handlers.h]\n";
        assert_eq!(
            warnings(toml),
            [
                "bulkhead.toml:5: credentials.c is not used: no handler and no tenant has it; grant it with credentials = [\"c\"]",
                "bulkhead.toml:3: secrets.b is not used: no credential contains {b}",
            ]
        );
        let granted = format!("{toml}grants.credentials = ['c']\n");
        assert_eq!(
            warnings(&granted),
            ["bulkhead.toml:3: secrets.b is not used: no credential contains {b}"]
        );
    }

    #[test]
    fn a_secret_that_would_have_to_be_in_the_zip_is_pointed_out() {
        let toml = |file: &str| {
            format!(
                "[secrets.a]\nfrom = 'file:{file}'\n[credentials.c]\nhosts = ['https://a.b']\nheaders.x = '{{a}}'\n\
                 [handlers.h]\ngrants.credentials = ['c']\n"
            )
        };
        assert_eq!(
            warnings(&toml("keys/a")),
            [
                "bulkhead.toml:1: secrets.a: `keys/a` is in the task root, and a zip contains no secrets; name the absolute \
              path of a file that the function can read, or another source"
            ]
        );
        assert_eq!(warnings(&toml("/mnt/keys/a")), [] as [String; 0]);
    }

    #[test]
    fn what_has_an_effect_or_was_not_written_is_no_warning() {
        for toml in [
            "[routing]\nmixed_batches = \"split\"\ntenant = { pointer = \"/Records/*/body/tenant\" }",
            "[limits]\nwall_time = \"200ms\"\n[handlers.a]",
            "[limits]\ncpu_time = \"4s\"\n[handlers.a]",
            "outbound.extra_ca_certificates = [\"ca.pem\"]\n[handlers.a.grants]\nallowed_outbound_hosts = [\"https://a.b\"]",
            "outbound.extra_ca_certificates = [\"ca.pem\"]\n[credentials.c]\nhosts = [\"http://127.0.0.1:1\"]\nheaders.x = \"y\"\n\
             [handlers.a.grants]\ncredentials = [\"c\"]\nallowed_private_networks = [\"127.0.0.1\"]",
            "outbound.extra_ca_certificates = [\"ca.pem\"]\n[store]\nname = \"prod\"\nurl = \"s3://tenants\"\n\
             public_keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"]",
        ] {
            assert_eq!(warnings(toml), [] as [String; 0], "{toml}");
        }
    }
}
