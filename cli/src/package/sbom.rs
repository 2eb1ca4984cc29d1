//! The SBOM of a package, as a CycloneDX document: each file with its digest, the crates of the bootstrap,
//! and the known parts of each handler. It contains no time or place, so the same package gives the same
//! bytes.

mod crates;
mod document;
mod guest;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use bulkhead_host::engine::Target;
use bulkhead_host::engine::artifact::{self, Stamp};
use bulkhead_host::text::printable::Shown as _;

use super::contents::files;
use crate::build;
use crate::compile::lambda_name;
use crate::output::tell;
use crates::{Crate, Crates};
use document::{
    Aggregate, Component, Composition, Dependency, Document, Hash, License, Metadata, Property, Tools,
};
use guest::Guest;

/// A list of crates that the build script wrote.
macro_rules! tree {
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/crates-", $name, ".txt"))
    };
}

/// The output of `cargo tree` for the bootstrap when this command was built: for each processor, without and
/// with the compiler.
const BOOTSTRAPS: [(Target, [&str; 2]); 2] = [
    (Target::X86_64, [tree!("x86_64"), tree!("x86_64-compiler")]),
    (Target::Aarch64, [tree!("aarch64"), tree!("aarch64-compiler")]),
];

/// A path of Wasmtime's compiler, which is in the panic messages of every program that contains it.
const COMPILER: &[u8] = b"/cranelift-codegen-";

/// The reference to the package itself in the document.
const PACKAGE: &str = "package";

/// The package to describe.
#[derive(Debug)]
pub(super) struct Package<'a> {
    pub(super) name: &'a str,
    pub(super) target: Target,
    /// The task root with the components.
    pub(super) task_root: &'a Path,
    /// All files, as they are in the package.
    pub(super) staged: &'a Path,
    /// The task root's path in the package.
    pub(super) place: &'a str,
}

/// Writes the document, with the digest of the zip that the files were put into.
pub(super) fn write(package: &Package<'_>, digest: Option<&str>, output: &Path) -> anyhow::Result<()> {
    let mut document = Parts::of(package)?.document(whole(package, digest));
    let digest = artifact::digest(&serde_json::to_vec(&document)?);
    document.serial_number = Some(serial_number(&digest));
    let json = serde_json::to_string_pretty(&document)? + "\n";
    fs::write(output, json).with_context(|| format!("{} cannot be written", output.shown()))
}

/// A UUID (version 8) made from the first bits of the content's digest.
fn serial_number(digest: &str) -> String {
    let hex = digest.trim_start_matches("sha256:");
    format!("urn:uuid:{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}

/// The parts of the document so far.
#[derive(Debug, Default)]
struct Parts {
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
    compositions: Vec<Composition>,
}

impl Parts {
    fn of(package: &Package<'_>) -> anyhow::Result<Self> {
        let project = build::Crates::of(package.task_root).unwrap_or_else(|error| without_crates(&error));
        let mut parts = Self::default();
        for file in files(package.staged)? {
            let path = package.staged.join(&file);
            let content = fs::read(&path).with_context(|| format!("{} cannot be read", path.shown()))?;
            let name = file.display().to_string();
            let component = Component {
                kind: "file",
                reference: Some(format!("file:{name}")),
                hashes: vec![Hash::of(&artifact::digest(&content))],
                name: name.clone(),
                ..Component::default()
            };
            if name == "bootstrap" {
                parts.bootstrap(component, &content, package.target)?;
            } else if file.extension().is_some_and(|ending| ending == "cwasm") {
                parts.guest(component, &path, (package, project.as_ref()))?;
            } else {
                parts.components.push(component);
            }
        }
        Ok(parts)
    }

    fn bootstrap(&mut self, mut file: Component, content: &[u8], target: Target) -> anyhow::Result<()> {
        let has_compiler = content.windows(COMPILER.len()).any(|window| window == COMPILER);
        file.version = Some(env!("CARGO_PKG_VERSION").to_owned());
        let trees = BOOTSTRAPS.iter().find(|(known, _)| *known == target);
        // The list is empty if it could not be made when this command was built.
        let tree = trees.map(|(_, trees)| trees[usize::from(has_compiler)]).filter(|tree| !tree.is_empty());
        let crates = tree.map(Crates::parse).transpose()?;
        self.push(file, crates.as_ref());
        Ok(())
    }

    fn guest(
        &mut self,
        mut file: Component,
        cwasm: &Path,
        (package, project): (&Package<'_>, Option<&build::Crates>),
    ) -> anyhow::Result<()> {
        let stamp = Stamp::check_for_any_target(cwasm)?;
        file.properties.push(Property::new("bulkhead:source", &stamp.source));
        file.properties.push(Property::new("bulkhead:compiler", &stamp.build));
        let source = Path::new(&file.name).strip_prefix(package.place)?.with_extension("wasm");
        let wasm = fs::read(package.task_root.join(source))
            .ok()
            .filter(|wasm| artifact::digest(wasm) == stamp.source);
        let Some(wasm) = wasm else {
            self.push(file, None);
            return Ok(());
        };
        let guest = Guest::read(&wasm);
        let named = |(field, what)| Property::new(format!("bulkhead:{field}"), what);
        file.properties.extend(guest.producers.into_iter().map(named));
        let linked =
            project.and_then(|project| linked(project, &wasm).unwrap_or_else(|error| without_crates(&error)));
        self.push(file, linked.or(guest.crates).as_ref());
        Ok(())
    }

    /// Adds a file that is linked from crates, which become its parts.
    fn push(&mut self, mut file: Component, crates: Option<&Crates>) {
        let Some(reference) = file.reference.clone() else { return };
        // The standard library is in no list of crates.
        let aggregate = crates.map_or(Aggregate::Unknown, |_| Aggregate::Incomplete);
        self.compositions.push(Composition { aggregate, assemblies: vec![reference.clone()] });
        if let Some(crates) = crates {
            let inside = |found: &Crate| format!("{reference}#{}", found.purl());
            for (found, used) in &crates.uses {
                file.components.push(library(found, inside(found)));
                self.dependencies.push(Dependency {
                    reference: inside(found),
                    depends_on: used.iter().map(inside).collect(),
                });
            }
            self.dependencies
                .push(Dependency { depends_on: crates.root.iter().map(inside).collect(), reference });
        }
        self.components.push(file);
    }

    fn document(mut self, package: Component) -> Document {
        let files = self.components.iter().filter_map(|file| file.reference.clone()).collect();
        self.dependencies.insert(0, Dependency { reference: PACKAGE.to_owned(), depends_on: files });
        let complete = Composition { aggregate: Aggregate::Complete, assemblies: vec![PACKAGE.to_owned()] };
        self.compositions.insert(0, complete);
        Document {
            schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
            bom_format: "CycloneDX",
            spec_version: "1.6",
            serial_number: None,
            version: 1,
            metadata: Metadata { tools: Tools { components: vec![this_command()] }, component: package },
            components: self.components,
            dependencies: self.dependencies,
            compositions: self.compositions,
        }
    }
}

/// The crates of a component that cargo built.
fn linked(project: &build::Crates, wasm: &[u8]) -> anyhow::Result<Option<Crates>> {
    project.tree(wasm)?.map(|tree| Crates::parse(&tree)).transpose()
}

/// The document is useful without these crates; it states that they are unknown.
fn without_crates<T>(error: &anyhow::Error) -> Option<T> {
    tell(&format!("the SBOM does not list the crates of handlers: {error:#}"));
    None
}

fn library(found: &Crate, reference: String) -> Component {
    let licenses = found.license.clone().map(|expression| License { expression });
    Component {
        kind: "library",
        reference: Some(reference),
        name: found.name.clone(),
        version: Some(found.version.clone()),
        licenses: licenses.into_iter().collect(),
        purl: Some(found.purl()),
        ..Component::default()
    }
}

fn whole(package: &Package<'_>, digest: Option<&str>) -> Component {
    Component {
        kind: "application",
        reference: Some(PACKAGE.to_owned()),
        name: package.name.to_owned(),
        hashes: digest.into_iter().map(Hash::of).collect(),
        properties: vec![Property::new("bulkhead:architecture", lambda_name(package.target))],
        ..Component::default()
    }
}

fn this_command() -> Component {
    Component {
        kind: "application",
        name: "bulkhead".to_owned(),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        ..Component::default()
    }
}
