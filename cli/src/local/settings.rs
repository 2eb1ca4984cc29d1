//! The options for a function.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Function;

/// The defaults of a function, here and in Lambda. Lambda's own, 3 seconds and 128 MB, are less than the default
/// limits of one sandbox and of the host beside it.
pub(crate) const TIMEOUT: &str = "10s";
pub(crate) const MEMORY: u32 = 256;

/// The options that correspond to the function's configuration in Lambda, and the bootstrap that runs it.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The bootstrap to run [default: BULKHEAD_BOOTSTRAP, or the one beside this command]
    #[arg(long, value_name = "FILE")]
    pub(crate) bootstrap: Option<PathBuf>,
    /// The function's timeout
    #[arg(long, value_name = "TIME", default_value = TIMEOUT, value_parser = timeout)]
    pub(crate) timeout: Duration,
    /// The function's memory in MB
    #[arg(long, value_name = "MB", default_value_t = MEMORY, value_parser = memory)]
    memory: u32,
    /// An environment variable of the function; a handler sees it if it is granted. Without =VALUE, it has the value
    /// that it has here
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

/// Lambda's own limit is 15 minutes. A number without a unit is in seconds, as in Lambda's configuration.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "Lambda allows 1s to 15min, such as 10, 10s or 2min";
    let seconds = text.parse().ok().map(Duration::from_secs);
    let timeout = seconds.or_else(|| humantime::parse_duration(text).ok()).ok_or(EXPECTED)?;
    let allowed = Duration::from_secs(1)..=Duration::from_secs(900);
    if allowed.contains(&timeout) { Ok(timeout) } else { Err(EXPECTED.to_owned()) }
}

/// The memory in MB, with or without the unit.
fn memory(text: &str) -> Result<u32, String> {
    let memory = megabytes(text).ok().filter(|memory| (128..=10_240).contains(memory));
    memory.ok_or_else(|| "Lambda allows 128 to 10240 MB, such as 256".to_owned())
}

/// A whole number of MB, with or without the unit.
pub(crate) fn megabytes(text: &str) -> Result<u32, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[number.len()..].to_ascii_lowercase();
    let is_unit = ["", "m", "mb", "mib"].contains(&unit.as_str());
    let megabytes = number.trim_end().parse().ok().filter(|_| is_unit);
    megabytes.ok_or_else(|| "write a whole number of MB, such as 256".to_owned())
}

/// A variable, with its value or with the one that it has here.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !text.contains('\0') => {
            Ok((name.to_owned(), value.to_owned()))
        }
        None if !text.is_empty() && !text.contains('\0') => match std::env::var_os(text) {
            Some(value) => Ok((text.to_owned(), value.to_string_lossy().into_owned())),
            None => Err("this variable is not set here; write it as KEY=VALUE, such as STAGE=dev".to_owned()),
        },
        _ => Err("write it as KEY=VALUE, such as STAGE=dev".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lambda_would_not_take_is_refused() {
        assert_eq!(timeout("3s"), Ok(Duration::from_secs(3)));
        assert_eq!(timeout("10"), Ok(Duration::from_secs(10)));
        for wrong in ["1h", "0s", "0", "901", "ten", "-1"] {
            assert!(timeout(wrong).unwrap_err().contains("15min"), "{wrong}");
        }
        for right in ["256", "256MB", "256 MB", "256m", "256MiB"] {
            assert_eq!(memory(right), Ok(256), "{right}");
        }
        for wrong in ["", "127", "10241", "256KB", "1GB", "-1"] {
            assert!(memory(wrong).unwrap_err().contains("128 to 10240 MB"), "{wrong}");
        }
        assert_eq!(variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        // The value that it has here.
        assert_eq!(variable("PATH").unwrap().1, std::env::var_os("PATH").unwrap().to_string_lossy());
        assert!(variable("=b").is_err() && variable("A").is_err() && variable("A=\0").is_err());
    }
}
