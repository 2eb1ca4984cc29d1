//! The options for a function.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Function;

/// The options that correspond to the function's configuration in Lambda, and the bootstrap that runs it.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The bootstrap to run [default: BULKHEAD_BOOTSTRAP, or the one beside this command]
    #[arg(long, value_name = "FILE")]
    pub(crate) bootstrap: Option<PathBuf>,
    /// The function's timeout
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = timeout)]
    pub(crate) timeout: Duration,
    /// The function's memory in MB
    #[arg(long, value_name = "MB", default_value_t = 128, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: u32,
    /// An environment variable of the function; a handler sees it if it is granted
    #[arg(long, alias = "env", value_name = "KEY=VALUE", value_parser = variable)]
    env_var: Vec<(String, String)>,
}

impl Settings {
    /// The function with these settings.
    pub(crate) fn function(&self, handler: String, task_root: PathBuf, bootstrap: PathBuf) -> Function {
        Function {
            handler,
            task_root,
            bootstrap,
            timeout: self.timeout,
            memory: self.memory,
            environment: self.env_var.clone(),
        }
    }
}

/// Lambda's own limit is 15 minutes.
fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let allowed = Duration::from_secs(1)..=Duration::from_secs(900);
    if allowed.contains(&timeout) { Ok(timeout) } else { Err("Lambda allows 1s to 15min".to_owned()) }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !text.contains('\0') => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("write it as KEY=VALUE".to_owned()),
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
