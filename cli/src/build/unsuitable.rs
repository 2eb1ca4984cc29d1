//! Finds crates of a handler that compile for a sandbox and cannot work there, or that do not compile, and says
//! what does work instead.

use super::cargo;
use super::metadata::Package;
use super::project::Project;
use super::target::WASM;

/// Crates that cannot work in a sandbox, and the reason with a way out. The first one that a handler has is
/// reported with all of its kind.
const UNSUITABLE: [(&[&str], &str); 7] = [
    (
        &["lambda_runtime", "lambda_http"],
        "is for programs that ask Lambda for events themselves; bulkhead-sdk has its names (`bulkhead`, \
         `bulkhead::http`)",
    ),
    (
        &["reqwest", "gloo-net"],
        "sends requests through a browser on this target, and panics without one; use `bulkhead::client`, the \
         feature `client` of bulkhead-sdk",
    ),
    (
        &["ureq", "curl", "isahc", "attohttpc", "async-std", "smol", "hyper-tls", "hyper-rustls"],
        "opens sockets, and a sandbox has none; use `bulkhead::client`, the feature `client` of bulkhead-sdk",
    ),
    (
        &["mio", "socket2", "polling"],
        "opens sockets, and a sandbox has none; it usually comes with Tokio's features `net` or `full`: use \
         `rt`, `macros`, `sync` and `time`, or take the crate that asks for it without its default features",
    ),
    (
        &["sqlx", "tokio-postgres", "mysql_async", "redis", "mongodb"],
        "opens sockets to a database, and a sandbox has none; use a database with an HTTP interface, such as \
         DynamoDB or the Data API of Aurora",
    ),
    (
        &["openssl-sys", "native-tls", "aws-lc-sys"],
        "is for TLS, which the host does; take the crate that asks for it without its default features",
    ),
    (
        &["wasm-bindgen", "js-sys", "web-sys"],
        "calls JavaScript, and a sandbox has none; take the crate that asks for it without the feature for \
         browsers, which may be called `js`, `web` or `wasm-bindgen`",
    ),
];

/// The warnings about the crates of a package. None if cargo does not list them: they are advice only.
pub(super) fn of(project: &Project, package: &Package) -> Vec<String> {
    let arguments = ["tree", "--offline", "--package", &package.id, "--target", WASM, "--edges", "normal"];
    let format = ["--prefix", "none", "--format", "{p}|{f}"];
    let tree = cargo::quiet_output(&project.root, &[&arguments[..], &format].concat());
    tree.map(|tree| warnings(&package.name, &tree)).unwrap_or_default()
}

fn warnings(package: &str, tree: &str) -> Vec<String> {
    let crates: Vec<(&str, &str)> = tree.lines().filter_map(crate_and_features).collect();
    let has = |name: &str| crates.iter().any(|(found, _)| *found == name);
    let mut warnings = Vec::new();
    for (names, why) in UNSUITABLE {
        let found: Vec<String> =
            names.iter().filter(|name| has(name)).map(|name| format!("`{name}`")).collect();
        if !found.is_empty() {
            warnings.push(format!("{package} depends on {}: it {why}", found.join(", ")));
        }
    }
    if has_feature(&crates, "tokio", "time")
        && !has_feature(&crates, "bulkhead-sdk", "tokio")
        && has("bulkhead-sdk")
    {
        warnings.push(format!(
            "{package} depends on `tokio` with its timers, which panic outside of its runtime: add the feature `tokio` \
             to bulkhead-sdk"
        ));
    }
    warnings
}

/// A crate and its features, from a line of `cargo tree`.
fn crate_and_features(line: &str) -> Option<(&str, &str)> {
    let (found, features) = line.split_once('|')?;
    Some((found.split_whitespace().next()?, features))
}

fn has_feature(crates: &[(&str, &str)], name: &str, feature: &str) -> bool {
    let is_enabled = |features: &str| features.split([',', ' ']).any(|found| found == feature);
    crates.iter().any(|(found, features)| *found == name && is_enabled(features))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_cannot_work_is_named_with_what_does() {
        for (line, expected) in [
            ("reqwest v0.12.0|default", "`bulkhead::client`"),
            ("mio v1.2.5|net", "Tokio's features `net` or `full`"),
            ("lambda_runtime v1.5.0|", "bulkhead-sdk has its names"),
            ("sqlx v0.8.0|", "DynamoDB"),
            ("openssl-sys v0.9.0 (*)|", "which the host does"),
            ("js-sys v0.3.0|", "calls JavaScript"),
            ("ureq v3.0.0|", "opens sockets"),
        ] {
            let found = warnings("orders", &format!("orders v0.1.0 (/p)|\n{line}\n"));
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(found[0].starts_with("orders depends on `") && found[0].contains(expected), "{found:?}");
        }
    }

    #[test]
    fn crates_of_one_kind_are_one_warning_and_others_none() {
        let tree =
            "orders v0.1.0|\nmio v1.2.5|\nsocket2 v0.6.0|\nserde v1.0.0|derive\n\nserde v1.0.0|derive (*)\n";
        let found = warnings("orders", tree);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`mio`, `socket2`"), "{found:?}");
        assert_eq!(warnings("orders", "serde v1.0.0|derive\n"), [] as [String; 0]);
    }

    #[test]
    fn timers_of_tokio_need_the_feature() {
        let tree = |sdk: &str| format!("bulkhead-sdk v0.1.0 (/p)|{sdk}\ntokio v1.54.1|rt,time\n");
        assert!(warnings("a", &tree("http"))[0].contains("add the feature `tokio`"));
        assert_eq!(warnings("a", &tree("http,tokio")), [] as [String; 0]);
        assert_eq!(warnings("a", "bulkhead-sdk v0.1.0|\ntokio v1.54.1|sync\n"), [] as [String; 0]);
    }
}
