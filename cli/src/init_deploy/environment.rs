//! The function's environment variables. A handler sees those that it inherits according to `bulkhead.toml`.

use serde::Serialize;

/// One environment variable, or one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Variable {
    pub(super) name: String,
    value: String,
    /// The spaces that `terraform fmt` puts between the name and the `=`.
    gap: String,
}

impl Variable {
    pub(super) fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), gap: String::new() }
    }
}

/// The variables that Lambda reserves
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>), except those that start with
/// `_`.
const RESERVED: [&str; 16] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Parses `KEY=VALUE` by Lambda's rules.
pub(super) fn parse(text: &str) -> Result<Variable, String> {
    let (name, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    let known = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if name.len() < 2
        || !name.starts_with(|first: char| first.is_ascii_alphabetic())
        || !name.chars().all(known)
    {
        return Err(format!(
            "{name:?} is not a valid name: Lambda requires a letter, followed by letters, digits and _"
        ));
    }
    if RESERVED.contains(&name) {
        return Err(format!("{name} is reserved by Lambda; use another name"));
    }
    Ok(Variable::new(name, value))
}

/// Sorted by name. Of variables with one name, the last counts.
pub(super) fn in_order(said: &[Variable]) -> Vec<Variable> {
    let mut all: Vec<Variable> = Vec::new();
    for variable in said {
        all.retain(|other| other.name != variable.name);
        all.push(variable.clone());
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let width = all.iter().map(|variable| variable.name.len()).max().unwrap_or_default();
    for variable in &mut all {
        variable.gap = " ".repeat(width - variable.name.len());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_what_lambda_takes() {
        assert_eq!(parse("TABLE=a=b").map(|variable| variable.value), Ok("a=b".to_owned()));
        for wrong in ["TABLE", "=x", "_X=1", "1A=x", "A-B=x", "A=x", "AWS_REGION=x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_is_there_once_and_in_order() {
        let said = ["LONGER=1", "AB=2", "LONGER=3"].map(|text| parse(text).unwrap());
        let found: Vec<_> =
            in_order(&said).into_iter().map(|one| (one.name, one.value, one.gap.len())).collect();
        assert_eq!(found, [("AB".into(), "2".into(), 4), ("LONGER".into(), "3".into(), 0)]);
    }
}
