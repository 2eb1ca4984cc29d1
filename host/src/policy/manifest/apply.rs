//! Applies the keys of a section to limits and grants.

use super::amounts::{self, LIMITS, LimitsSection};
use super::document::Spanned;
use super::grants::GrantsSection;
use crate::policy::{Grants, Limits};

/// The values of a list; empty if it is missing.
pub(super) fn values<T>(list: &Option<Vec<Spanned<T>>>) -> impl Iterator<Item = &T> {
    list.iter().flatten().map(|element| &element.value)
}

/// Whether a list contains this name.
pub(super) fn contains(list: &Option<Vec<Spanned<String>>>, name: &str) -> bool {
    values(list).any(|value| value == name)
}

/// The limits, with the values that the section sets.
pub(super) fn limits(mut limits: Limits, section: &LimitsSection) -> Limits {
    for (amount, limit) in LIMITS.iter().zip(section) {
        if let Some(limit) = limit {
            amounts::set(&mut limits, amount.limit, limit.value);
        }
    }
    limits
}

/// The grants, with the keys that the section sets.
pub(super) fn grants(mut grants: Grants, section: &GrantsSection<(String, String)>) -> Grants {
    fn replace<T: Clone, C: FromIterator<T>>(grant: &mut C, list: &Option<Vec<Spanned<T>>>) {
        if list.is_some() {
            *grant = values(list).cloned().collect();
        }
    }
    replace(&mut grants.environment, &section.environment);
    replace(&mut grants.inherit_environment, &section.inherit_environment);
    replace(&mut grants.files, &section.files);
    replace(&mut grants.allowed_outbound_hosts, &section.allowed_outbound_hosts);
    replace(&mut grants.allowed_private_networks, &section.allowed_private_networks);
    replace(&mut grants.key_value, &section.key_value);
    if let Some(tmp) = section.tmp {
        grants.tmp = amounts::narrow(tmp.value);
    }
    grants
}
