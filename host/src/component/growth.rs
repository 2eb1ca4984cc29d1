//! What a component would grow to in the compiler.
//!
//! The compiler follows every instantiation within a component, so that a kilobyte of components which instantiate
//! each other twice becomes a billion instances, and it keeps each level for all that are within it. It cannot be
//! stopped once it has begun, and every tenant of the function would wait for it.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Parser, Payload,
};

/// Instances in all: as many as `instances` in `bulkhead.toml` may be.
const MAX_INSTANCES: u64 = 10_000;
/// Components and modules within one another; those that are composed of others have a few levels.
const MAX_DEPTH: usize = 32;

/// A component that grows too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum GrowthError {
    /// It would have too many instances.
    #[error(
        "it would have more than {MAX_INSTANCES} instances, or nobody can tell; compose it of fewer components"
    )]
    Instances,
    /// It goes too deep.
    #[error("it has more than {MAX_DEPTH} components within one another; compose it with fewer levels")]
    Depth,
}

/// Refuses a component that grows too much. What cannot be parsed is left to the compiler, which says why.
pub(super) fn check(wasm: &[u8]) -> Result<(), GrowthError> {
    match walk(wasm) {
        Err(Stop::Growth(error)) => Err(error),
        Err(Stop::Malformed) | Ok(()) => Ok(()),
    }
}

/// Why the rest is not looked at.
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
    /// The instances that it becomes.
    instances: u64,
    /// The same of each component that it can name; none where that depends on who instantiates it.
    components: Vec<Option<u64>>,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most sections add neither instances nor components")]
fn walk(wasm: &[u8]) -> Result<(), Stop> {
    let mut levels = vec![Level::default()];
    let mut is_component = true;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::ModuleSection { .. } => is_component = false,
            Payload::ComponentSection { .. } => is_component = true,
            Payload::Version { .. } => levels.push(Level { is_component, ..Level::default() }),
            Payload::End(_) => {
                let ended = levels.pop().filter(|level| level.is_component);
                if let (Some(ended), Some(around)) = (ended, levels.last_mut()) {
                    around.components.push(Some(ended.instances));
                }
            }
            _ => note(&payload, &mut levels)?,
        }
        if levels.len() > MAX_DEPTH + 1 {
            return Err(Stop::Growth(GrowthError::Depth));
        }
    }
    Ok(())
}

/// Notes what a section adds to the level that it is in: instances, or components that can be named.
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
        _ => {}
    }
    Ok(())
}

/// The instances that a component becomes, which has this index so many levels further out.
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

    #[test]
    fn what_is_no_component_is_left_to_the_compiler() {
        let cut = &wat::parse_str(doubling(3)).unwrap()[..40];
        for bytes in [&b""[..], b"text", b"\0asm\x0d\0\x01\0", cut] {
            assert_eq!(check(bytes), Ok(()));
        }
    }
}
