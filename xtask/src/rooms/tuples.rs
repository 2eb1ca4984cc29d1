//! Parameters that are tuples: what travels together has a name.

use super::source::SourceFile;

/// The parameters of functions that are tuples.
pub(super) fn mistakes(file: &SourceFile) -> Vec<String> {
    let code = file.code.as_str();
    let is_name = |before: &str| before.ends_with(|before: char| before.is_alphanumeric() || before == '_');
    let functions = code.match_indices("fn ").filter(|(at, _)| !is_name(&code[..*at]));
    let aliases = aliases(code);
    let tuples = functions
        .flat_map(|(at, _)| parameters(code, at))
        .filter(|(_, parameter)| is_tuple(parameter, &aliases));
    let mistake = |(at, parameter): (usize, &str)| {
        let shown = parameter.split_whitespace().collect::<Vec<_>>().join(" ");
        format!(
            "{}:{}: the parameter `{shown}` is a tuple; give what travels together a struct with a name",
            file.name,
            file.line(at)
        )
    };
    tuples.map(mistake).collect()
}

/// The parameters of the function that begins here, each with its place.
fn parameters(code: &str, function: usize) -> Vec<(usize, &str)> {
    let mut parameters = Vec::new();
    // Parentheses, brackets and braces; and angles, which are none in an arrow.
    let (mut depth, mut angles) = (0_usize, 0_usize);
    let (mut start, mut before) = (0, ' ');
    for (at, character) in code[function..].char_indices().map(|(at, character)| (function + at, character)) {
        match character {
            '(' if depth == 0 && angles == 0 => (depth, start) = (1, at + 1),
            '(' | '[' | '{' => depth += 1,
            '<' => angles += 1,
            '>' if before != '-' => angles = angles.saturating_sub(1),
            ',' if depth == 1 && angles == 0 => {
                parameters.push((start, &code[start..at]));
                start = at + 1;
            }
            ')' if depth == 1 && angles == 0 => {
                parameters.push((start, &code[start..at]));
                break;
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => break,
            _ => {}
        }
        before = character;
    }
    let place = |(at, text): (usize, &'_ str)| at + text.len() - text.trim_start().len();
    parameters.iter().map(|parameter| (place(*parameter), parameter.1.trim())).collect()
}

/// The names of a file that stand for tuples: `type Pair = (u8, u8);`
fn aliases(code: &str) -> Vec<&str> {
    let alias = |(at, found): (usize, &str)| {
        let rest = &code[at + found.len()..];
        let (named, ty) = rest.split(';').next()?.split_once('=')?;
        is_tuple_type(ty.trim_start()).then(|| name(named))
    };
    let is_word = |at: usize| !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    code.match_indices("type ").filter(|(at, _)| is_word(*at)).filter_map(alias).collect()
}

/// The name that a text begins with.
fn name(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_alphanumeric() && character != '_');
    &text[..end.unwrap_or(text.len())]
}

/// `()` is none, and parentheses around one type are none.
fn is_tuple_type(text: &str) -> bool {
    text.starts_with('(') && parameters(text, 0).len() > 1
}

/// Whether a parameter is taken apart as a tuple, or its type is one, also by one of these names.
fn is_tuple(parameter: &str, aliases: &[&str]) -> bool {
    let ty = parameter.split_once(": ").map_or("", |(_, ty)| ty.trim_start_matches('&').trim_start());
    // A lifetime ends with the next space.
    let ty = if ty.starts_with('\'') { ty.split_once(' ').map_or("", |(_, ty)| ty) } else { ty };
    let ty = ty.strip_prefix("mut ").unwrap_or(ty);
    let named = name(ty);
    // What goes on after its name is a path into another module.
    let is_alias = aliases.contains(&named) && !ty[named.len()..].starts_with("::");
    is_alias || is_tuple_type(parameter) || is_tuple_type(ty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_for_a_tuple_does_not_hide_it() {
        let text = "\
type Pair<'a> = (u8, &'a [u8]);
type One = (u8);
type Nothing = ();
pub(super) type Two = (
    u8,
    u8,
);
type Pairs<'a> = Vec<(u8, u8)>;
fn all(pairs: Vec<Pair<'_>>, other: Pair::Other, one: One, nothing: Nothing, more: Pairs<'_>) {}
fn each(pair: &mut Pair<'_>) {}
fn two(one: u8, two: Two) {}
";
        let file = SourceFile::new("host/src", "x.rs", text.to_owned());
        let to_do = "is a tuple; give what travels together a struct with a name";
        let expected = [
            format!("host/src/x.rs:10: the parameter `pair: &mut Pair<'_>` {to_do}"),
            format!("host/src/x.rs:11: the parameter `two: Two` {to_do}"),
        ];
        assert_eq!(mistakes(&file), expected);
    }

    #[test]
    fn only_parameters_that_are_tuples_are_found() {
        let text = "\
fn named(self, one: u8, other: &[(u8, u8)], all: Vec<(u8, u8)>, nothing: (), any: &(dyn Any + Send)) -> (u8, u8) {}
fn given<F: Fn((u8, u8)) -> (u8, u8)>(f: F, call: impl Fn((u8, u8))) -> Option<(u8, u8)>;
fn taken(
    one: u8,
    (two, three): (u8, &[u8]),
) {}
fn pair<'p>(pair: &'p mut (u8, u8)) { for_each(|(a, b): (u8, u8)| a) }
";
        let file = SourceFile::new("host/src", "x.rs", text.to_owned());
        let to_do = "is a tuple; give what travels together a struct with a name";
        let expected = [
            format!("host/src/x.rs:5: the parameter `(two, three): (u8, &[u8])` {to_do}"),
            format!("host/src/x.rs:7: the parameter `pair: &'p mut (u8, u8)` {to_do}"),
        ];
        assert_eq!(mistakes(&file), expected);
    }
}
