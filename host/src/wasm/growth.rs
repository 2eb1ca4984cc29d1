//! The size that a component would have in the compiler.
//!
//! The compiler follows every instantiation within a component, so a kilobyte of components that instantiate
//! each other twice becomes a billion instances, and it keeps each level for everything nested in it. It
//! writes out the initial contents of every memory and table including gaps ([`super::images`]). It cannot be
//! stopped once it has begun, and every tenant of the function would wait for it.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Parser, Payload,
};

use super::images::{Gaps, Images, LARGEST};

/// Instances in total: the largest value of `instances` in `bulkhead.toml`.
const MAX_INSTANCES: u64 = 10_000;
/// Nested components and modules; composed components have a few levels.
const MAX_DEPTH: usize = 32;

/// Bytes between the initial contents of all memories: as many as one memory may have.
const MAX_GAPS: u64 = LARGEST;
/// Memories with initial contents, in all modules.
const MAX_IMAGES: u64 = 256;
/// Entries between the initial contents of all tables.
const MAX_EMPTY_ENTRIES: u64 = 1 << 20;

/// A component that would grow too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum GrowthError {
    /// It would have too many instances.
    #[error(
        "it would have more than {MAX_INSTANCES} instances, or an unknown number; compose it from fewer components"
    )]
    Instances,
    /// It is nested too deeply.
    #[error("it has more than {MAX_DEPTH} levels of nested components; compose it with fewer levels")]
    Depth,
    /// Its memories would be much larger than their contents.
    #[error(
        "the initial contents of its memories have gaps of {0} bytes in total, which its native code would \
         include; at most {MAX_GAPS} are allowed. Put its data segments closer together, or fill its memory \
         at the start"
    )]
    Gaps(u64),
    /// Its tables would be much larger than their contents.
    #[error(
        "the initial contents of its tables have gaps of {0} entries in total, which its native code would \
         include; at most {MAX_EMPTY_ENTRIES} are allowed. Put its element segments closer together, or fill \
         its tables at the start"
    )]
    EmptyEntries(u64),
    /// Too many memories with initial contents.
    #[error(
        "its modules have {0} memories with initial contents, each of which takes whole pages of its native \
         code; at most {MAX_IMAGES} are allowed. Compose it from fewer modules"
    )]
    Images(u64),
}

/// Rejects a component that would grow too much. The compiler reports bytes that cannot be parsed.
pub(super) fn check(wasm: &[u8]) -> Result<(), GrowthError> {
    match walk(wasm) {
        Err(Stop::Growth(error)) => Err(error),
        Err(Stop::Malformed) | Ok(()) => Ok(()),
    }
}

/// The reason why the rest is skipped.
enum Stop {
    Growth(GrowthError),
    Malformed,
}

impl From<BinaryReaderError> for Stop {
    fn from(_: BinaryReaderError) -> Self {
        Self::Malformed
    }
}

/// A component or module whose end has not come yet.
#[derive(Default)]
struct Level {
    is_component: bool,
    /// Its number of instances.
    instances: u64,
    /// The number of instances of each component that it can refer to; `None` if that depends on the
    /// instantiation.
    components: Vec<Option<u64>>,
    /// The memories and tables of a module.
    images: Images,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most sections add neither instances nor components")]
fn walk(wasm: &[u8]) -> Result<(), Stop> {
    let mut levels = vec![Level::default()];
    let mut gaps = Gaps::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::Version { encoding, .. } => {
                levels.push(Level { is_component: *encoding == Encoding::Component, ..Level::default() });
            }
            Payload::End(_) => end(&mut levels, &mut gaps)?,
            _ => note(&payload, &mut levels)?,
        }
        if levels.len() > MAX_DEPTH + 1 {
            return Err(Stop::Growth(GrowthError::Depth));
        }
    }
    Ok(())
}

/// Processes the end of a level: a component that can be referred to from now on, or a module, whose images
/// are known.
fn end(levels: &mut Vec<Level>, gaps: &mut Gaps) -> Result<(), Stop> {
    let Some(ended) = levels.pop() else { return Ok(()) };
    if ended.is_component {
        if let Some(around) = levels.last_mut() {
            around.components.push(Some(ended.instances));
        }
        return Ok(());
    }
    let Gaps { bytes, entries, images } = ended.images.gaps();
    gaps.bytes = gaps.bytes.saturating_add(bytes);
    gaps.entries = gaps.entries.saturating_add(entries);
    gaps.images = gaps.images.saturating_add(images);
    if gaps.images > MAX_IMAGES {
        return Err(Stop::Growth(GrowthError::Images(gaps.images)));
    }
    if gaps.bytes > MAX_GAPS {
        return Err(Stop::Growth(GrowthError::Gaps(gaps.bytes)));
    }
    if gaps.entries > MAX_EMPTY_ENTRIES {
        return Err(Stop::Growth(GrowthError::EmptyEntries(gaps.entries)));
    }
    Ok(())
}

/// Processes a section of the current level: instances, components that can be referred to, or contents.
#[expect(clippy::wildcard_enum_match_arm, reason = "most sections add neither instances nor components")]
fn note(payload: &Payload<'_>, levels: &mut [Level]) -> Result<(), Stop> {
    match payload {
        Payload::InstanceSection(section) => add(levels, u64::from(section.count()))?,
        Payload::ComponentInstanceSection(section) => {
            for instance in section.clone() {
                if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                    let instances = named(levels, 0, component_index);
                    add(levels, instances.ok_or(Stop::Growth(GrowthError::Instances))?.saturating_add(1))?;
                }
            }
        }
        Payload::ComponentAliasSection(section) => {
            for alias in section.clone() {
                match alias? {
                    ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                        let instances = named(levels, count, index);
                        name(levels, instances);
                    }
                    ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                        name(levels, None);
                    }
                    _ => {}
                }
            }
        }
        Payload::ComponentImportSection(section) => {
            for import in section.clone() {
                if let ComponentTypeRef::Component(_) = import?.ty {
                    name(levels, None);
                }
            }
        }
        Payload::ComponentExportSection(section) => {
            for export in section.clone() {
                let export = export?;
                if export.kind == ComponentExternalKind::Component {
                    let instances = named(levels, 0, export.index);
                    name(levels, instances);
                }
            }
        }
        _ => {
            if let Some(module) = levels.last_mut().filter(|level| !level.is_component) {
                module.images.note(payload)?;
            }
        }
    }
    Ok(())
}

/// The number of instances of the component with this index, a number of levels further out.
fn named(levels: &[Level], outward: u32, index: u32) -> Option<u64> {
    let level = levels.iter().rev().nth(usize::try_from(outward).ok()?)?;
    level.components.get(usize::try_from(index).ok()?).copied().flatten()
}

fn name(levels: &mut [Level], instances: Option<u64>) {
    levels.last_mut().into_iter().for_each(|level| level.components.push(instances));
}

fn add(levels: &mut [Level], instances: u64) -> Result<(), Stop> {
    if let Some(level) = levels.last_mut() {
        level.instances = level.instances.saturating_add(instances);
        if level.instances > MAX_INSTANCES {
            return Err(Stop::Growth(GrowthError::Instances));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(wat: &str) -> Result<(), GrowthError> {
        check(&wat::parse_str(wat).unwrap())
    }

    /// Components of which each instantiates the one before it twice.
    fn doubling(levels: usize) -> String {
        let doubled = |level: usize| {
            format!(
                "(component $c{level} (alias outer 1 $c{} (component $x))
                    (instance (instantiate $x)) (instance (instantiate $x)))",
                level - 1
            )
        };
        let levels: String = (1..=levels).map(doubled).collect();
        format!("(component (component $c0 (core module $m) (core instance (instantiate $m))) {levels})")
    }

    #[test]
    fn instances_are_counted_through_all_components() {
        // The n-th has 2^n modules and 2^(n+1) - 2 components: the 11th has 6142 in all, the 12th 12286.
        assert_eq!(check_text(&doubling(11)), Ok(()));
        assert_eq!(check_text(&doubling(12)), Err(GrowthError::Instances));
        assert_eq!(check_text(&doubling(60)), Err(GrowthError::Instances));
    }

    #[test]
    fn a_component_under_another_name_counts_the_same() {
        let eleven = doubling(11);
        let renamed = eleven.strip_suffix(')').unwrap();
        let twice = "(instance (instantiate $again)) (instance (instantiate $again))";
        assert_eq!(
            check_text(&format!("{renamed} (export $again \"again\" (component $c11)) {twice})")),
            Err(GrowthError::Instances)
        );
    }

    #[test]
    fn what_nobody_can_count_is_refused_once_it_is_instantiated() {
        let imported = "(import \"other\" (component $other))";
        assert_eq!(check_text(&format!("(component {imported})")), Ok(()));
        assert_eq!(
            check_text(&format!("(component {imported} (instance (instantiate $other)))")),
            Err(GrowthError::Instances)
        );
    }

    #[test]
    fn levels_are_counted() {
        let nested = |depth: usize| ["(component ".repeat(depth), ")".repeat(depth)].concat();
        assert_eq!(check_text(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(check_text(&nested(MAX_DEPTH + 1)), Err(GrowthError::Depth));
        assert_eq!(check_text(&format!("(component {})", "(component)".repeat(100))), Ok(()));
    }

    /// A module of some 60 bytes, which has two bytes in its memory that lie so far apart.
    fn sparse(gap: u64) -> String {
        format!(r#"(core module (memory 1024) (data (i32.const 0) "a") (data (i32.const {}) "b"))"#, gap + 1)
    }

    #[test]
    fn gaps_in_memories_are_summed_over_all_modules() {
        let of = |modules: &[String]| check_text(&format!("(component {})", modules.concat()));
        assert_eq!(of(&[sparse(60 << 20), sparse(4 << 20)]), Ok(()));
        assert_eq!(of(&[sparse(60 << 20), sparse((4 << 20) + 1)]), Err(GrowthError::Gaps((64 << 20) + 1)));
        // Hundreds of bytes, of which a .cwasm of 1.3 GB would be made.
        let twenty: String = (0..20).map(|_| sparse(63 << 20)).collect();
        assert!(matches!(of(&[twenty]), Err(GrowthError::Gaps(_))));
    }

    #[test]
    fn memories_with_contents_are_counted_however_little_is_in_them() {
        let modules = |count: usize| "(core module (memory 1) (data (i32.const 0) \"a\"))".repeat(count);
        let checked = |count| check(&wat::parse_str(format!("(component {})", modules(count))).unwrap());
        assert!(checked(256).is_ok());
        assert!(checked(257).unwrap_err().to_string().contains("257 memories with initial contents"));
    }

    #[test]
    fn gaps_are_found_within_components_and_in_modules_alone() {
        let inner = format!("(component {} {})", sparse(60 << 20), sparse(60 << 20));
        assert!(matches!(check_text(&format!("(component {inner})")), Err(GrowthError::Gaps(_))));
        let memories: String = (0..2)
            .map(|memory| {
                format!(
                    r#"(memory 1024) (data (memory {memory}) (i32.const 0) "a")
                    (data (memory {memory}) (i32.const 60000000) "b")"#
                )
            })
            .collect();
        assert!(matches!(check_text(&format!("(module {memories})")), Err(GrowthError::Gaps(_))));
    }

    #[test]
    fn gaps_in_tables_are_summed_too() {
        let sparse = "(core module (func $f) (table 600000 funcref) (elem (i32.const 599999) func $f))";
        assert_eq!(check_text(&format!("(component {sparse})")), Ok(()));
        assert_eq!(
            check_text(&format!("(component {sparse} {sparse})")),
            Err(GrowthError::EmptyEntries(2 * 599_999))
        );
    }

    #[test]
    fn an_error_has_the_numbers() {
        let text = GrowthError::Gaps(1_300_000_000).to_string();
        assert!(
            text.contains("gaps of 1300000000 bytes") && text.contains("most 67108864 are allowed"),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_component_is_left_to_the_compiler() {
        let cut = &wat::parse_str(doubling(3)).unwrap()[..40];
        for bytes in [&b""[..], b"text", b"\0asm\x0d\0\x01\0", cut] {
            assert_eq!(check(bytes), Ok(()));
        }
    }
}
