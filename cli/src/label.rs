//! Names from outside, made fit for a terminal: tenants' ids and the like.

/// No name is shown longer than this, in characters.
const LONGEST: usize = 40;

/// The name with everything escaped that could end a line, steer a terminal or turn the order of its text around,
/// and cut where it is long.
pub(crate) fn label(name: &str) -> String {
    let mut label = String::new();
    for character in name.chars() {
        if steers(character) {
            label.extend(character.escape_default());
        } else {
            label.push(character);
        }
        // Enough to see that it is too long; the rest may be of any length.
        if label.len() > LONGEST * 8 {
            break;
        }
    }
    match label.char_indices().nth(LONGEST) {
        None => label,
        Some(_) => label.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

fn steers(character: char) -> bool {
    let turns =
        matches!(character, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
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
