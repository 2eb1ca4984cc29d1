//! The names of sessions, which CloudTrail shows: the function, and a part of the digest of the tenant's id, because
//! an id can be personal data.

use ring::digest;
use std::fmt::Write as _;

/// AWS allows 2 to 64 characters.
const MOST: usize = 64;
/// Digits of the digest. An operator can compute them; they need not be unique.
const DIGITS: usize = 16;

/// The name of a session for this tenant.
pub(super) fn of(function: &str, tenant: Option<&str>) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(*c);
    let room = if tenant.is_some() { MOST - DIGITS - 1 } else { MOST };
    let mut name: String = function.chars().filter(allowed).take(room).collect();
    if name.len() < 2 {
        "bulkhead".clone_into(&mut name);
    }
    if let Some(id) = tenant {
        name.push('-');
        let digest = digest::digest(&digest::SHA256, id.as_bytes());
        for byte in digest.as_ref().iter().take(DIGITS / 2) {
            // Writing to a text does not fail.
            let _ = write!(name, "{byte:02x}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_aws_takes_and_does_not_contain_the_tenant() {
        assert_eq!(of("notes", None), "notes");
        assert_eq!(of("notes", Some("acme")), "notes-822b33ad87c148a0");
        assert_ne!(of("notes", Some("acme")), of("notes", Some("acme ")));
        for function in ["", "f", "💥", &"x".repeat(100), "a b/c"] {
            for tenant in [None, Some("💥"), Some("")] {
                let name = of(function, tenant);
                let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
                assert!((2..=64).contains(&name.len()) && name.chars().all(allowed), "{name}");
            }
        }
    }
}
