//! Which packages of a project are handlers: what `cargo metadata` says, read for that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use bulkhead_host::policy::manifest::FILE;
use bulkhead_host::text::printable::Shown as _;
use serde::Deserialize;

use super::cargo;
use super::project::Project;

/// The package of the SDK. Its library is called `bulkhead`.
const SDK: &str = "bulkhead-sdk";

/// A package with at least one handler in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    /// As cargo knows it from all others of its name.
    pub(super) id: String,
    pub(super) handlers: Vec<Handler>,
}

/// A target of a package that becomes a component.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Handler {
    /// What the component is called.
    pub(super) name: String,
    /// What cargo calls the target.
    pub(super) target: String,
    pub(super) is_library: bool,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Member {
    name: String,
    id: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// None for what is no development or build dependency.
    kind: Option<String>,
    /// The registry or repository. None for a folder.
    #[serde(default)]
    source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    crate_types: Vec<String>,
}

/// What was found in a project.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The packages with handlers, or those of them that were asked for.
    pub(super) packages: Vec<Package>,
    /// Manifests of its members: this project has one, or none, and nothing that they say counts.
    pub(super) ignored: Vec<PathBuf>,
}

/// The handlers of a project, or of those of its packages that were asked for.
pub(super) fn handlers(project: &Project, asked: &[String]) -> anyhow::Result<Found> {
    ensure!(
        project.root.ancestors().any(|folder| folder.join("Cargo.toml").is_file()),
        "{}: there is neither a Cargo.toml here nor a build.command in bulkhead.toml, so there is nothing to build",
        if project.shown.as_os_str().is_empty() { Path::new(".") } else { &project.shown }.shown()
    );
    let json = cargo::output(&project.root, &["metadata", "--no-deps", "--format-version", "1"])?;
    let metadata: Metadata =
        serde_json::from_slice(&json).context("`cargo metadata` cannot be understood")?;
    let sources: Vec<&Path> =
        project.manifest.handlers.iter().map(|handler| handler.source.as_path()).collect();
    let mut inside = metadata.packages;
    inside.retain(|member| member.manifest_path.starts_with(&project.root));
    inside.iter().try_for_each(not_of_a_stranger)?;
    let ignored = ignored(project, &inside);
    let packages: Vec<Package> = inside.into_iter().filter_map(|member| package(member, &sources)).collect();
    let packages = only(packages, asked).map_err(|error| match ignored.is_empty() {
        true => error,
        false => anyhow!("{error}; {}", without_effect(&ignored)),
    })?;
    distinct(&packages)?;
    Ok(Found { packages, ignored })
}

/// The manifests below that of a project, from each member's folder upwards.
fn ignored(project: &Project, members: &[Member]) -> Vec<PathBuf> {
    let folders = members.iter().flat_map(|member| member.manifest_path.ancestors().skip(1));
    let below = folders.filter(|folder| *folder != project.root && folder.starts_with(&project.root));
    let files: BTreeSet<PathBuf> =
        below.map(|folder| folder.join(FILE)).filter(|file| file.is_file()).collect();
    let shown = |file: PathBuf| match file.strip_prefix(&project.root) {
        Ok(inner) => project.shown.join(inner),
        Err(_) => file,
    };
    files.into_iter().map(shown).collect()
}

/// What is said of such manifests.
pub(super) fn without_effect(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|file| file.shown()).collect();
    format!(
        "{} {} no effect here, since a project has one {FILE}, in its own folder; move what is said there, or build in that \
         folder",
        names.join(", "),
        if files.len() == 1 { "has" } else { "have" }
    )
}

/// The SDK was once called as a crate is that is somebody else's, which nobody who says so in a handler means.
fn not_of_a_stranger(member: &Member) -> anyhow::Result<()> {
    let is_stranger = |used: &Dependency| used.name == "bulkhead" && used.source.is_some();
    ensure!(
        !member.dependencies.iter().any(is_stranger),
        "the package {} depends on a crate `bulkhead` that is not the SDK, so nothing was built; the SDK is `{SDK}`: make a \
         project with `bulkhead new`, and take its folder `{SDK}` and its line of Cargo.toml over",
        member.name
    );
    Ok(())
}

/// A member as a package with handlers, if it is one.
fn package(member: Member, sources: &[&Path]) -> Option<Package> {
    let uses_sdk = member.dependencies.iter().any(|used| used.name == SDK && used.kind.is_none());
    let is_named =
        |name: &str| sources.iter().any(|source| source.file_stem().is_some_and(|stem| stem == name));
    let handler = |target: &Target| {
        let is_library = target.crate_types.iter().any(|kind| kind == "cdylib");
        let is_program = target.kind.iter().any(|kind| kind == "bin");
        // Cargo calls a library by its package's name with the dashes that no crate can have replaced.
        let name = match is_library && target.name == member.name.replace('-', "_") {
            true => member.name.clone(),
            false => target.name.clone(),
        };
        let is_handler = (is_library || is_program) && (uses_sdk || is_named(&name));
        is_handler.then(|| Handler { name, target: target.name.clone(), is_library })
    };
    let handlers: Vec<Handler> = member.targets.iter().filter_map(handler).collect();
    (!handlers.is_empty()).then_some(Package { name: member.name, id: member.id, handlers })
}

fn only(mut packages: Vec<Package>, asked: &[String]) -> anyhow::Result<Vec<Package>> {
    let known = packages.iter().map(|package| package.name.as_str()).collect::<Vec<_>>().join(", ");
    if packages.is_empty() {
        bail!(
            "no package here is a handler; one has `crate-type = [\"cdylib\"]` under [lib], or a program, and depends on \
             `{SDK}` or has its component named by a handler of bulkhead.toml"
        );
    }
    for name in asked {
        ensure!(
            packages.iter().any(|package| package.name == *name),
            "no handler is in a package {name}; there are {known}"
        );
    }
    packages.retain(|package| asked.is_empty() || asked.contains(&package.name));
    Ok(packages)
}

/// Refuses two components of one name, one of which would be lost.
fn distinct(packages: &[Package]) -> anyhow::Result<()> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for package in packages {
        for handler in &package.handlers {
            if let Some(other) = seen.insert(&handler.name, &package.name) {
                bail!(
                    "two components would be called {}.wasm, one of the package {other} and one of {}; give one another name",
                    handler.name,
                    package.name
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bulkhead_host::policy::manifest::Manifest;
    use serde_json::{Value, json};

    use super::*;

    fn member(name: &str, targets: &Value, dependencies: &Value) -> Member {
        serde_json::from_value(json!({
            "name": name, "id": format!("path+file:///{name}#0.1.0"), "manifest_path": "/p/Cargo.toml",
            "targets": targets, "dependencies": dependencies,
        }))
        .unwrap()
    }

    fn names(member: Member, sources: &[&str]) -> Vec<String> {
        let sources: Vec<&Path> = sources.iter().map(Path::new).collect();
        let handlers = package(member, &sources).map(|package| package.handlers);
        handlers.into_iter().flatten().map(|handler| handler.name).collect()
    }

    fn library(name: &str) -> Value {
        json!({ "name": name, "kind": ["cdylib"], "crate_types": ["cdylib"] })
    }

    fn program(name: &str) -> Value {
        json!({ "name": name, "kind": ["bin"], "crate_types": ["bin"] })
    }

    #[test]
    fn what_depends_on_the_sdk_is_a_handler_under_its_package_s_name() {
        let sdk = json!([{ "name": "bulkhead-sdk", "kind": null }]);
        assert_eq!(names(member("my-hello", &json!([library("my_hello")]), &sdk), &[]), ["my-hello"]);
        assert_eq!(names(member("my-hello", &json!([library("other")]), &sdk), &[]), ["other"]);
        assert_eq!(names(member("two", &json!([program("a"), program("b")]), &sdk), &[]), ["a", "b"]);
        let plain = json!([{ "name": "x", "kind": ["lib"], "crate_types": ["lib"] }]);
        assert_eq!(names(member("x", &plain, &sdk), &[]), [] as [&str; 0]);
        let tests_only = json!([{ "name": "bulkhead-sdk", "kind": "dev" }]);
        assert_eq!(names(member("x", &json!([library("x")]), &tests_only), &[]), [] as [&str; 0]);
    }

    #[test]
    fn a_crate_of_the_sdk_s_former_name_is_refused_unless_it_is_a_folder() {
        let refused = |source: Value| {
            let used = json!([{ "name": "bulkhead", "kind": null, "source": source }]);
            not_of_a_stranger(&member("x", &json!([program("a")]), &used)).map_err(|error| error.to_string())
        };
        let registry = json!("registry+https://github.com/rust-lang/crates.io-index");
        assert!(refused(registry).unwrap_err().contains("the SDK is `bulkhead-sdk`"));
        assert_eq!(refused(Value::Null), Ok(()));
    }

    #[test]
    fn what_the_manifest_names_is_a_handler_without_the_sdk() {
        let targets = json!([program("command"), program("tool")]);
        assert_eq!(names(member("x", &targets, &json!([])), &["lib/command.wasm"]), ["command"]);
    }

    #[test]
    fn a_package_that_is_none_is_told_with_those_that_are() {
        let one = || Package { name: "hello".to_owned(), id: String::new(), handlers: Vec::new() };
        let refused = |packages, asked: &[&str]| {
            only(packages, &asked.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
                .unwrap_err()
                .to_string()
        };
        assert!(refused(vec![one()], &["helo"]).contains("there are hello"));
        assert!(refused(Vec::new(), &[]).contains("crate-type"));
    }

    #[test]
    fn manifests_of_members_are_found_from_their_folders_upwards() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        for file in ["bulkhead.toml", "a/b/bulkhead.toml", "a/bulkhead.toml", "other/bulkhead.toml", "c/x"] {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), "").unwrap();
        }
        let at = |folder: &str| Member {
            manifest_path: root.join(folder).join("Cargo.toml"),
            ..member("x", &json!([]), &json!([]))
        };
        let members = [at(""), at("a/b"), at("c")];
        let shown = PathBuf::from("here");
        let project =
            Project { root: root.clone(), shown, manifest: Manifest::default(), has_manifest: true };
        let found = ignored(&project, &members);
        assert_eq!(found, ["here/a/b/bulkhead.toml", "here/a/bulkhead.toml"].map(PathBuf::from));
        assert!(
            without_effect(&found).starts_with("here/a/b/bulkhead.toml, here/a/bulkhead.toml have no effect")
        );
    }

    #[test]
    fn two_components_of_one_name_are_refused() {
        let sdk = json!([{ "name": "bulkhead-sdk", "kind": null }]);
        let package = |name| package(member(name, &json!([program("a")]), &sdk), &[]).unwrap();
        let error = distinct(&[package("one"), package("two")]).unwrap_err().to_string();
        assert!(error.contains("one of the package one and one of two"), "{error}");
    }
}
