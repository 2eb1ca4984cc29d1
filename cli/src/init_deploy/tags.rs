//! The tags of all resources.

use super::environment::Variable;

/// Parses `KEY=VALUE` by AWS's rules.
pub(super) fn parse(text: &str) -> Result<Variable, String> {
    let (name, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    let known = |character: char| character.is_ascii_alphanumeric() || " _.:/+-@".contains(character);
    let fits = (1..=128).contains(&name.len()) && value.len() <= 256;
    if !fits || !name.chars().all(known) || !value.chars().all(known) {
        return Err(
            "use letters, digits, spaces and _ . : / + - @; AWS allows 128 characters for the key and 256 for the value"
                .to_owned(),
        );
    }
    if name.to_ascii_lowercase().starts_with("aws:") {
        return Err("AWS reserves keys that start with aws:".to_owned());
    }
    Ok(Variable::new(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_aws_takes() {
        assert_eq!(parse("cost centre=42/a"), Ok(Variable::new("cost centre", "42/a")));
        for wrong in ["team", "=x", "aws:team=x", "team=a\"b", "team=${x}", "té=x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
