//! A function's settings, as they are said on the command line.

use std::time::Duration;

/// Lambda's own limit is 15 minutes.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let allowed = Duration::from_secs(1)..=Duration::from_secs(900);
    if allowed.contains(&timeout) { Ok(timeout) } else { Err("Lambda allows 1s to 15min".to_owned()) }
}

pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !text.contains('\0') => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("say KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lambda_would_not_take_is_refused() {
        assert_eq!(timeout("3s"), Ok(Duration::from_secs(3)));
        assert!(
            timeout("1h").unwrap_err().contains("15min") && timeout("0s").is_err() && timeout("3").is_err()
        );
        assert_eq!(variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert!(variable("=b").is_err() && variable("A").is_err() && variable("A=\0").is_err());
    }
}
