//! Parameters that are tuples: what travels together has a name.

use super::source::SourceFile;

/// The parameters of functions that are tuples.
pub(super) fn mistakes(file: &SourceFile) -> Vec<String> {
    let code = file.code.as_str();
    let is_name = |before: &str| before.ends_with(|before: char| before.is_alphanumeric() || before == '_');
    let functions = code.match_indices("fn ").filter(|(at, _)| !is_name(&code[..*at]));
    let tuples =
        functions.flat_map(|(at, _)| parameters(code, at)).filter(|(_, parameter)| is_tuple(parameter));
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

/// Whether a parameter is taken apart as a tuple, or its type is one. `()` is not, and parentheses around one type are not.
fn is_tuple(parameter: &str) -> bool {
    let ty = parameter.split_once(": ").map_or("", |(_, ty)| ty.trim_start_matches('&').trim_start());
    // A lifetime ends with the next space.
    let ty = if ty.starts_with('\'') { ty.split_once(' ').map_or("", |(_, ty)| ty) } else { ty };
    let ty = ty.strip_prefix("mut ").unwrap_or(ty);
    [parameter, ty].iter().any(|text| text.starts_with('(') && parameters(text, 0).len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

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
