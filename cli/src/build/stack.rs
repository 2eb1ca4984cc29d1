//! The size of a handler's stack: the default, or what `[package.metadata.bulkhead]` in its `Cargo.toml` says.
//!
//! Rust keeps the local variables that have an address on a stack in the guest's memory. This memory is reset
//! for each event, also the parts that no event has used, and rustc's own default of 1 MiB is most of the
//! memory of a small handler.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use bulkhead_host::policy::manifest;
use bulkhead_host::text::printable::Shown as _;
use bytesize::ByteSize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::metadata::Package;
use super::project::Project;

/// The stack of a handler that asks for none.
const DEFAULT: u32 = 128 * KIB;
/// The smallest stack that can be asked for.
const LEAST: u32 = 16 * KIB;
/// The largest one.
const MOST: u32 = 64 * 1024 * KIB;
/// The linker accepts no size that is not a multiple of this.
const ALIGNMENT: u32 = 16;
const KIB: u32 = 1024;
/// The table in `Cargo.toml`, and its only key.
const TABLE: &str = "package.metadata.bulkhead";
const KEY: &str = "stack";

/// The stack of a package's handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stack {
    /// Its size in bytes.
    bytes: u32,
    /// Whether the package asks for this size.
    pub(super) is_asked_for: bool,
}

impl Stack {
    /// What the linker is told, as an option of `-C`.
    pub(super) fn link_arg(self) -> String {
        format!("link-arg=-zstack-size={}", self.bytes)
    }
}

/// A mistake in the text of a manifest.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    /// The position in the text.
    at: usize,
    /// The key and what is wrong with it.
    text: String,
}

/// The stack that a package asks for, or the default.
pub(super) fn of(package: &Package, project: &Project) -> anyhow::Result<Stack> {
    let file = shown(package, project);
    let text = std::fs::read_to_string(&package.manifest)
        .with_context(|| format!("{} cannot be read", file.shown()))?;
    let asked = asked(&text).map_err(|Mistake { at, text: mistake }| {
        let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        anyhow!("{}:{line}: {mistake}", file.shown())
    })?;
    Ok(Stack { bytes: asked.unwrap_or(DEFAULT), is_asked_for: asked.is_some() })
}

/// The warning about a size that other flags override.
pub(super) fn without_effect(package: &Package, project: &Project) -> String {
    format!(
        "{}: {TABLE}.{KEY} has no effect: the flags that cargo passes to rustc (RUSTFLAGS, or rustflags in its \
         configuration) set a stack-size, which is used; remove one of the two",
        shown(package, project).shown()
    )
}

/// The path of a package's manifest, to show.
fn shown(package: &Package, project: &Project) -> PathBuf {
    match package.manifest.strip_prefix(&project.root) {
        Ok(inner) => project.shown.join(inner),
        Err(_) => package.manifest.clone(),
    }
}

/// The size in bytes that the text of a `Cargo.toml` asks for.
fn asked(text: &str) -> Result<Option<u32>, Mistake> {
    let root = DeTable::parse(text).map_err(|error| {
        let manifest::Mistake { key, text, .. } = manifest::not_toml(text, &error);
        Mistake { at: error.span().map_or(0, |span| span.start), text: format!("{key}: {text}") }
    })?;
    let package = root.get_ref().get("package");
    let metadata = package.and_then(|package| inner(package, "metadata"));
    let Some(bulkhead) = metadata.and_then(|metadata| inner(metadata, "bulkhead")) else { return Ok(None) };
    let Some(table) = bulkhead.get_ref().as_table() else {
        let text = format!("{TABLE}: this is not a table; expected {KEY} = \"256KiB\" in it");
        return Err(Mistake { at: bulkhead.span().start, text });
    };
    if let Some((key, _)) = table.iter().find(|(key, _)| key.get_ref() != KEY) {
        let text = format!("{TABLE}.{}: there is no such key; the only one is {KEY}", key.get_ref());
        return Err(Mistake { at: key.span().start, text });
    }
    let Some(value) = table.get(KEY) else { return Ok(None) };
    let mistake = |text| Mistake { at: value.span().start, text: format!("{TABLE}.{KEY}: {text}") };
    size(value.get_ref()).map(Some).map_err(mistake)
}

fn inner<'t, 'i>(value: &'t Spanned<DeValue<'i>>, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    value.get_ref().as_table()?.get(key)
}

/// The size that a value says.
fn size(value: &DeValue<'_>) -> Result<u32, String> {
    const EXPECTED: &str = "expected a size, such as \"256KiB\", or a whole number of bytes";
    let bytes = match value {
        DeValue::String(text) => {
            text.parse::<ByteSize>().map_err(|_| format!("{text:?} is not valid; {EXPECTED}"))?.as_u64()
        }
        DeValue::Integer(number) => {
            let text = number.as_str();
            u64::from_str_radix(text, number.radix())
                .map_err(|_| format!("{text} is not valid; {EXPECTED}"))?
        }
        DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => return Err(format!("this is not a size; {EXPECTED}")),
    };
    let fitting = u32::try_from(bytes).ok().filter(|bytes| (LEAST..=MOST).contains(bytes));
    let bytes = fitting.ok_or_else(|| {
        format!("{bytes} bytes is out of range; expected {}KiB to {}MiB", LEAST / KIB, MOST / KIB / 1024)
    })?;
    match bytes.is_multiple_of(ALIGNMENT) {
        true => Ok(bytes),
        false => Err(format!("{bytes} bytes is not a multiple of {ALIGNMENT}, as the linker requires")),
    }
}

#[cfg(test)]
mod tests {
    use bulkhead_host::policy::manifest::Manifest;

    use super::*;

    fn said(value: &str) -> Result<Option<u32>, String> {
        asked(&format!("[package]\nname = \"x\"\n[package.metadata.bulkhead]\nstack = {value}\n"))
            .map_err(|mistake| mistake.text)
    }

    #[test]
    fn a_size_is_text_or_a_number() {
        assert_eq!(said("\"256KiB\""), Ok(Some(256 * KIB)));
        assert_eq!(said("\"1 MiB\""), Ok(Some(1024 * KIB)));
        assert_eq!(said("65536"), Ok(Some(64 * KIB)));
        assert_eq!(asked("[package]\nmetadata.docs.rs.all-features = true\n"), Ok(None));
        assert_eq!(asked("[workspace]\n"), Ok(None));
    }

    #[test]
    fn what_is_not_a_size_is_refused_with_what_is_expected() {
        for (value, expected) in [
            ("\"much\"", "package.metadata.bulkhead.stack: \"much\" is not valid; expected a size, such as"),
            ("-1", "-1 is not valid"),
            ("true", "this is not a size; expected"),
            ("1", "1 bytes is out of range; expected 16KiB to 64MiB"),
            ("\"4GiB\"", "4294967296 bytes is out of range"),
            ("100001", "100001 bytes is not a multiple of 16"),
        ] {
            let error = said(value).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_mistake_has_its_file_and_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("member/Cargo.toml");
        std::fs::create_dir(folder.path().join("member")).unwrap();
        let package = Package {
            name: "x".to_owned(),
            id: String::new(),
            manifest: manifest.clone(),
            handlers: Vec::new(),
        };
        let project = Project {
            root: folder.path().to_owned(),
            shown: PathBuf::from("here"),
            manifest: Manifest::default(),
            has_manifest: false,
        };
        let of = |text: &str| {
            std::fs::write(&manifest, text).unwrap();
            of(&package, &project).map_err(|error| error.to_string())
        };
        let default = Stack { bytes: DEFAULT, is_asked_for: false };
        assert_eq!(of("[package]\nname = \"x\"\n"), Ok(default));
        let error = of("[package]\nmetadata.bulkhead.stak = 1\n").unwrap_err();
        let start = "here/member/Cargo.toml:2: package.metadata.bulkhead.stak: there is no such key";
        assert!(error.starts_with(start), "{error}");
        let error = of("[package.metadata]\n\nbulkhead = 1\n").unwrap_err();
        assert!(
            error.starts_with("here/member/Cargo.toml:3: package.metadata.bulkhead: this is not"),
            "{error}"
        );
        assert!(without_effect(&package, &project).starts_with("here/member/Cargo.toml: package.metadata"));
    }

    #[test]
    fn the_linker_is_told_in_bytes() {
        let stack = Stack { bytes: DEFAULT, is_asked_for: false };
        assert_eq!(stack.link_arg(), "link-arg=-zstack-size=131072");
    }
}
