//! Finds the packages of a project that are handlers, in the output of `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail, ensure};
use bulkhead_host::policy::manifest::FILE;
use bulkhead_host::text::printable::Shown as _;
use cargo_metadata::{CrateType, Dependency, DependencyKind, Package as Member, Target};

use super::cargo;
use super::project::Project;
use crate::suggest;

/// The package of the SDK. Its library is called `bulkhead`.
const SDK: &str = "bulkhead-sdk";

/// A package with at least one handler.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    /// The id by which cargo tells packages of the same name apart.
    pub(super) id: String,
    /// Its `Cargo.toml`.
    pub(super) manifest: PathBuf,
    pub(super) handlers: Vec<Handler>,
}

/// A target of a package that becomes a component.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Handler {
    /// The name of the component.
    pub(super) name: String,
    /// The name of the cargo target.
    pub(super) target: String,
    pub(super) is_library: bool,
}

/// The result of the search.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The packages with handlers; if packages were named on the command line, only those.
    pub(super) packages: Vec<Package>,
    /// Manifests below the project's folder. They have no effect: a project has one manifest, in its own
    /// folder.
    pub(super) ignored: Vec<PathBuf>,
}

/// Finds the handlers of a project, or of the packages that were named on the command line.
pub(super) fn handlers(project: &Project, asked: &[String]) -> anyhow::Result<Found> {
    ensure!(
        project.root.ancestors().any(|folder| folder.join("Cargo.toml").is_file()),
        "{}: there is no Cargo.toml here, and no build.command in bulkhead.toml, so there is nothing to build",
        if project.shown.as_os_str().is_empty() { Path::new(".") } else { &project.shown }.shown()
    );
    let mut inside = cargo::metadata(&project.root, &[])?.packages;
    let sources: Vec<&Path> =
        project.manifest.handlers.iter().map(|handler| handler.source.as_path()).collect();
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

/// The manifests between the project's folder and the folders of its members.
fn ignored(project: &Project, members: &[Member]) -> Vec<PathBuf> {
    let folders = members.iter().flat_map(|member| member.manifest_path.as_std_path().ancestors().skip(1));
    let below = folders.filter(|folder| *folder != project.root && folder.starts_with(&project.root));
    let files: BTreeSet<PathBuf> =
        below.map(|folder| folder.join(FILE)).filter(|file| file.is_file()).collect();
    let shown = |file: PathBuf| match file.strip_prefix(&project.root) {
        Ok(inner) => project.shown.join(inner),
        Err(_) => file,
    };
    files.into_iter().map(shown).collect()
}

/// The warning about such manifests.
pub(super) fn without_effect(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|file| file.shown()).collect();
    format!(
        "{} {} no effect here: a project has one {FILE}, in its own folder. Move the settings there, or run the build \
         in that folder",
        names.join(", "),
        if files.len() == 1 { "has" } else { "have" }
    )
}

/// Rejects a crate `bulkhead` from a registry. The SDK once had this name, which belongs to a crate of
/// another project.
fn not_of_a_stranger(member: &Member) -> anyhow::Result<()> {
    let is_stranger = |used: &Dependency| used.name == "bulkhead" && used.source.is_some();
    ensure!(
        !member.dependencies.iter().any(is_stranger),
        "the package {} depends on a crate `bulkhead` that is not the SDK, so nothing was built; the SDK is `{SDK}`: \
         make a project with `bulkhead new`, and copy its folder `{SDK}` and the line of its Cargo.toml that names it",
        member.name
    );
    Ok(())
}

/// The package with its handlers, if it has any.
fn package(member: Member, sources: &[&Path]) -> Option<Package> {
    let uses_sdk =
        member.dependencies.iter().any(|used| used.name == SDK && used.kind == DependencyKind::Normal);
    let is_named =
        |name: &str| sources.iter().any(|source| source.file_stem().is_some_and(|stem| stem == name));
    let handler = |target: &Target| {
        let is_library = target.crate_types.contains(&CrateType::CDyLib);
        let is_program = target.is_bin();
        // A library of the same name as its package has underscores in place of the package's dashes.
        let name = match is_library && target.name == member.name.replace('-', "_") {
            true => member.name.to_string(),
            false => target.name.clone(),
        };
        let is_handler = (is_library || is_program) && (uses_sdk || is_named(&name));
        is_handler.then(|| Handler { name, target: target.name.clone(), is_library })
    };
    let handlers: Vec<Handler> = member.targets.iter().filter_map(handler).collect();
    (!handlers.is_empty()).then(|| Package {
        name: member.name.into_inner(),
        id: member.id.repr,
        manifest: member.manifest_path.into(),
        handlers,
    })
}

fn only(mut packages: Vec<Package>, asked: &[String]) -> anyhow::Result<Vec<Package>> {
    if packages.is_empty() {
        bail!(
            "no package here is a handler. A handler has `crate-type = [\"cdylib\"]` under [lib], or is a program, and \
             it depends on `{SDK}` or is the source of a handler in bulkhead.toml"
        );
    }
    let known: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    for name in asked {
        ensure!(known.contains(&name.as_str()), "{}", suggest::missing("handler package", name, &known));
    }
    packages.retain(|package| asked.is_empty() || asked.contains(&package.name));
    Ok(packages)
}

/// Rejects two components of the same name: one would replace the other.
fn distinct(packages: &[Package]) -> anyhow::Result<()> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for package in packages {
        for handler in &package.handlers {
            if let Some(other) = seen.insert(&handler.name, &package.name) {
                bail!(
                    "two components would be called {}.wasm, one from the package {other} and one from {}; rename one \
                     of them",
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
            "version": "0.1.0", "features": {}, "targets": targets, "dependencies": dependencies,
        }))
        .unwrap()
    }

    fn names(member: Member, sources: &[&str]) -> Vec<String> {
        let sources: Vec<&Path> = sources.iter().map(Path::new).collect();
        let handlers = package(member, &sources).map(|package| package.handlers);
        handlers.into_iter().flatten().map(|handler| handler.name).collect()
    }

    fn library(name: &str) -> Value {
        target(name, "cdylib")
    }

    fn program(name: &str) -> Value {
        target(name, "bin")
    }

    fn target(name: &str, kind: &str) -> Value {
        json!({ "name": name, "kind": [kind], "crate_types": [kind], "src_path": "/p/src/lib.rs" })
    }

    fn dependency(name: &str, kind: Option<&str>, source: Option<&str>) -> Value {
        json!([{
            "name": name, "kind": kind, "source": source, "req": "*", "optional": false,
            "uses_default_features": true, "features": [],
        }])
    }

    #[test]
    fn what_depends_on_the_sdk_is_a_handler_under_its_package_s_name() {
        let sdk = dependency(SDK, None, None);
        assert_eq!(names(member("my-hello", &json!([library("my_hello")]), &sdk), &[]), ["my-hello"]);
        assert_eq!(names(member("my-hello", &json!([library("other")]), &sdk), &[]), ["other"]);
        assert_eq!(names(member("two", &json!([program("a"), program("b")]), &sdk), &[]), ["a", "b"]);
        let plain = json!([target("x", "lib")]);
        assert_eq!(names(member("x", &plain, &sdk), &[]), [] as [&str; 0]);
        let tests_only = dependency(SDK, Some("dev"), None);
        assert_eq!(names(member("x", &json!([library("x")]), &tests_only), &[]), [] as [&str; 0]);
    }

    #[test]
    fn a_crate_of_the_sdk_s_former_name_is_refused_unless_it_is_a_folder() {
        let refused = |source: Option<&str>| {
            let used = dependency("bulkhead", None, source);
            not_of_a_stranger(&member("x", &json!([program("a")]), &used)).map_err(|error| error.to_string())
        };
        let registry = "registry+https://github.com/rust-lang/crates.io-index";
        assert!(refused(Some(registry)).unwrap_err().contains("the SDK is `bulkhead-sdk`"));
        assert_eq!(refused(None), Ok(()));
    }

    #[test]
    fn what_the_manifest_names_is_a_handler_without_the_sdk() {
        let targets = json!([program("command"), program("tool")]);
        assert_eq!(names(member("x", &targets, &json!([])), &["lib/command.wasm"]), ["command"]);
    }

    #[test]
    fn a_package_that_is_none_is_told_with_those_that_are() {
        let one = || Package {
            name: "hello".to_owned(),
            id: String::new(),
            manifest: PathBuf::new(),
            handlers: Vec::new(),
        };
        let refused = |packages, asked: &[&str]| {
            only(packages, &asked.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
                .unwrap_err()
                .to_string()
        };
        assert!(
            refused(vec![one()], &["helo"])
                .contains("there is no handler package \"helo\"; did you mean hello?")
        );
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
        let at = |folder: &str| {
            let mut member = member("x", &json!([]), &json!([]));
            member.manifest_path = root.join(folder).join("Cargo.toml").try_into().unwrap();
            member
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
        let sdk = dependency(SDK, None, None);
        let package = |name| package(member(name, &json!([program("a")]), &sdk), &[]).unwrap();
        let error = distinct(&[package("one"), package("two")]).unwrap_err().to_string();
        assert!(error.contains("one from the package one and one from two"), "{error}");
    }
}
