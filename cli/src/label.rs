//! Names from outside, such as tenant ids, made safe for a terminal.

use bulkhead_host::text::printable;

/// The longest name that is shown in full, in characters.
const LONGEST: usize = 40;

/// The name with unprintable characters escaped, shortened if it is long.
pub(crate) fn label(name: &str) -> String {
    // Enough to see that the name is too long; the rest may be of any length.
    let label = printable::name(&name[..name.floor_char_boundary(LONGEST * 4 + 4)]);
    match label.char_indices().nth(LONGEST) {
        None => label.into_owned(),
        Some(_) => label.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_steer_no_terminal() {
        assert_eq!(label("acme"), "acme");
        assert_eq!(label("überall-🚢"), "überall-🚢");
        assert_eq!(label("a\u{1b}[31m\n\u{202e}b"), r"a\u{1b}[31m\n\u{202e}b");
    }

    #[test]
    fn long_names_are_cut() {
        let forty = "é".repeat(40);
        assert_eq!(label(&forty), forty);
        assert_eq!(label(&format!("{forty}é")), format!("{}…", "é".repeat(39)));
        assert_eq!(label(&"\n".repeat(1 << 20)).chars().count(), 40);
    }
}
