//! The names of environment variables that a handler may have.
//!
//! Variables that Lambda reserves stay with the host (section 9 of `docs/runtime-api.md`): credentials, the address of the Runtime
//! API, and everything else with which a handler could act as the function itself.

/// Reserved names that have none of the prefixes.
const RESERVED: [&str; 8] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_XRAY_TRACE_ID",
];

/// Every name with one of these prefixes is reserved.
const RESERVED_PREFIXES: [&str; 4] = ["_", "AWS_CONTAINER_", "AWS_LAMBDA_", "LAMBDA_"];

/// The reason why a variable cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum VariableError {
    #[error("the name of a variable must not be empty")]
    Empty,
    #[error("{0:?} is not a valid variable name: it contains an equals sign or a control character")]
    Name(String),
    #[error("{0} is reserved by Lambda and never given to a handler; choose another name")]
    Reserved(String),
    #[error("the value of {0} contains a NUL character")]
    Value(String),
}

/// The name, if a handler may have such a variable.
pub(super) fn name(name: &str) -> Result<String, VariableError> {
    let reserved =
        RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    match name {
        "" => Err(VariableError::Empty),
        _ if name.contains(|c: char| c == '=' || c.is_control()) => Err(VariableError::Name(name.to_owned())),
        _ if reserved => Err(VariableError::Reserved(name.to_owned())),
        _ => Ok(name.to_owned()),
    }
}

/// The variable, if a handler may have it.
pub(super) fn variable(key: &str, value: &str) -> Result<(String, String), VariableError> {
    let name = name(key)?;
    if value.contains('\0') { Err(VariableError::Value(name)) } else { Ok((name, value.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lambda_reserves_is_never_granted() {
        for reserved in [
            "_HANDLER",
            "_X_AMZN_TRACE_ID",
            "_anything",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_LAMBDA_RUNTIME_API",
            "AWS_LAMBDA_METADATA_TOKEN",
            "LAMBDA_TASK_ROOT",
        ] {
            assert_eq!(name(reserved), Err(VariableError::Reserved(reserved.to_owned())));
            assert_eq!(variable(reserved, "x"), Err(VariableError::Reserved(reserved.to_owned())));
        }
    }

    #[test]
    fn other_names_are() {
        for free in ["STAGE", "stage", "TZ", "LANG", "AWS_PROFILE", "MY_AWS_REGION", "a b"] {
            assert_eq!(name(free), Ok(free.to_owned()));
        }
    }

    #[test]
    fn what_no_environment_can_hold() {
        assert_eq!(name(""), Err(VariableError::Empty));
        assert_eq!(name("A=B"), Err(VariableError::Name("A=B".to_owned())));
        assert_eq!(name("A\0"), Err(VariableError::Name("A\0".to_owned())));
        assert_eq!(variable("A", "b\0c"), Err(VariableError::Value("A".to_owned())));
        assert_eq!(variable("A", "b=c\n"), Ok(("A".to_owned(), "b=c\n".to_owned())));
    }
}
