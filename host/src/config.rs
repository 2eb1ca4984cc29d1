//! All environment variables that the bootstrap reads for itself; `bulkhead.toml` may name others that a handler inherits
//! ([`crate::policy::manifest`]).
//!
//! Variables of Lambda are read leniently, since emulators leave some out; only the address of the Runtime
//! API is required. Variables of Bulkhead are read strictly.
//!
//! May use: log, policy, runtime_api, sandbox.

use std::path::PathBuf;
use std::time::Duration;

use crate::log::{Format, Level, LogSettings};
use crate::policy::manifest::Store;
use crate::policy::manifest::store::StoreUrl;
use crate::policy::{MOST_CONCURRENCY, Vars};
use crate::runtime_api::{Endpoint, EndpointError};
use crate::sandbox::FunctionSettings;

/// `LAMBDA_TASK_ROOT` on Lambda, where it cannot be set to anything else.
const LAMBDA: &str = "/var/task";

/// The values of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `AWS_LAMBDA_RUNTIME_API`.
    pub runtime_api: Endpoint,
    /// `_HANDLER`; some emulators do not set it.
    pub handler: Option<String>,
    /// `LAMBDA_TASK_ROOT`, or the working directory.
    pub task_root: PathBuf,
    /// The settings of the function.
    pub function: FunctionSettings,
    /// The settings of log records.
    pub log: LogSettings,
    /// `AWS_LAMBDA_MAX_CONCURRENCY`: the number of events that a managed instance handles at a time (L8.1).
    /// `None`: one, and the process is replaced if that fails.
    pub max_concurrency: Option<u32>,
    /// `AWS_LAMBDA_INITIALIZATION_TYPE` is `snap-start`: the environment is copied after init (R6.1).
    pub snap_start: bool,
    /// `BULKHEAD_SIGTERM=1`: register an internal extension, so that Lambda sends SIGTERM before it kills the
    /// process (C11.13).
    pub sigterm: bool,
    /// What replaces values of `[store]`.
    pub store: StoreSettings,
    /// Values that were not valid, and were replaced by a default.
    pub warnings: Vec<String>,
}

/// What replaces values of `[store]`: on a developer's machine, the store of the function is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreSettings {
    /// `BULKHEAD_STORE_URL`: where the store is.
    pub url: Option<StoreUrl>,
    /// `BULKHEAD_STORE_REFRESH`: no event is served under a record that is older than this.
    pub refresh: Option<Duration>,
}

/// The environment is not usable.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// The process was started neither by Lambda nor by an emulator.
    #[error(
        "AWS_LAMBDA_RUNTIME_API is not set, so there is no source of events. Lambda sets this variable; to \
         run this bootstrap by hand, start it with the Lambda Runtime Interface Emulator, or set the \
         variable to the host:port of a Runtime API"
    )]
    NoRuntimeApi,
    /// The address is not `host:port`.
    #[error("AWS_LAMBDA_RUNTIME_API: {0}")]
    RuntimeApi(#[from] EndpointError),
    /// A variable of Bulkhead has an invalid value.
    #[error("BULKHEAD_SIGTERM is `{0}`; set it to 1 to ask Lambda for SIGTERM, or to 0")]
    Sigterm(String),
    /// A variable of developers is set on Lambda.
    #[error(
        "BULKHEAD_SECRETS_FILE is set, and this is Lambda (LAMBDA_TASK_ROOT is {LAMBDA}); this variable is for a developer's \
         machine, where it replaces the sources of secrets. Remove it from the function"
    )]
    SecretsFile,
    /// A variable of Bulkhead has an invalid value.
    #[error("BULKHEAD_STORE_URL: {0}")]
    StoreUrl(String),
    /// A variable of Bulkhead has an invalid value.
    #[error("BULKHEAD_STORE_REFRESH is `{0}`, which is not a time such as 100ms")]
    StoreRefresh(String),
}

impl StoreSettings {
    fn read(vars: &impl Vars, errors: &mut Vec<ConfigError>) -> Self {
        let url = vars.get("BULKHEAD_STORE_URL").and_then(|url| {
            StoreUrl::parse(&url).map_err(|error| errors.push(ConfigError::StoreUrl(error))).ok()
        });
        let refresh = vars.get("BULKHEAD_STORE_REFRESH").and_then(|text| {
            humantime::parse_duration(&text).map_err(|_| errors.push(ConfigError::StoreRefresh(text))).ok()
        });
        Self { url, refresh }
    }

    /// The store of a manifest with these values.
    pub fn apply(&self, store: &mut Store) {
        if let Some(url) = &self.url {
            store.url.clone_from(url);
        }
        if let Some(refresh) = self.refresh {
            store.refresh = store.refresh.min(refresh);
            store.max_stale = store.max_stale.min(refresh);
        }
    }
}

impl Config {
    /// Reads the whole environment.
    ///
    /// # Errors
    /// All problems that were found, not just the first.
    pub fn read(vars: &impl Vars) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut warnings = Vec::new();
        let runtime_api = match vars.get("AWS_LAMBDA_RUNTIME_API").map(|value| value.parse()) {
            Some(Ok(endpoint)) => Some(endpoint),
            Some(Err(error)) => {
                errors.push(ConfigError::RuntimeApi(error));
                None
            }
            None => {
                errors.push(ConfigError::NoRuntimeApi);
                None
            }
        };
        let sigterm = match vars.get("BULKHEAD_SIGTERM").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(other) => {
                errors.push(ConfigError::Sigterm(other.to_owned()));
                false
            }
        };
        let store = StoreSettings::read(vars, &mut errors);
        let task_root = vars.get("LAMBDA_TASK_ROOT").unwrap_or_else(|| ".".to_owned());
        if task_root == LAMBDA && vars.get("BULKHEAD_SECRETS_FILE").is_some() {
            errors.push(ConfigError::SecretsFile);
        }
        let max_concurrency = max_concurrency(vars, &mut warnings);
        match runtime_api {
            Some(runtime_api) if errors.is_empty() => Ok(Self {
                runtime_api,
                handler: vars.get("_HANDLER"),
                task_root: task_root.into(),
                function: function_settings(vars, &mut warnings),
                log: log_settings(vars, max_concurrency.is_some(), &mut warnings),
                max_concurrency,
                snap_start: vars.get("AWS_LAMBDA_INITIALIZATION_TYPE").as_deref() == Some("snap-start"),
                sigterm,
                store,
                warnings,
            }),
            _ => Err(errors),
        }
    }
}

/// An invalid value means one at a time, as in the official runtimes (L8.1).
fn max_concurrency(vars: &impl Vars, warnings: &mut Vec<String>) -> Option<u32> {
    let value = vars.get("AWS_LAMBDA_MAX_CONCURRENCY")?;
    match value.parse() {
        Ok(count @ 1..=MOST_CONCURRENCY) => Some(count),
        Ok(count) if count > MOST_CONCURRENCY => {
            warnings.push(format!(
                "AWS_LAMBDA_MAX_CONCURRENCY is {count}; Bulkhead handles up to {MOST_CONCURRENCY} events at a time"
            ));
            Some(MOST_CONCURRENCY)
        }
        Ok(_) | Err(_) => {
            warnings.push(format!(
                "AWS_LAMBDA_MAX_CONCURRENCY is `{value}`, which is not a number of events; events are handled one at a time"
            ));
            Some(1)
        }
    }
}

fn function_settings(vars: &impl Vars, warnings: &mut Vec<String>) -> FunctionSettings {
    let text = |name: &str| vars.get(name).unwrap_or_default();
    let memory = vars.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").unwrap_or_else(|| "128".to_owned());
    let memory_mb = memory.parse().unwrap_or_else(|_| {
        warnings.push(format!(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE is `{memory}`, which is not a number of megabytes; handlers see 128"
        ));
        128
    });
    FunctionSettings {
        name: text("AWS_LAMBDA_FUNCTION_NAME"),
        version: vars.get("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_else(|| "$LATEST".to_owned()),
        log_group: text("AWS_LAMBDA_LOG_GROUP_NAME"),
        log_stream: text("AWS_LAMBDA_LOG_STREAM_NAME"),
        memory_mb,
    }
}

/// With several events at a time, only JSON can tell their records apart (L8.8).
fn log_settings(vars: &impl Vars, is_managed: bool, warnings: &mut Vec<String>) -> LogSettings {
    let format = match vars.get("AWS_LAMBDA_LOG_FORMAT") {
        _ if is_managed => Format::Json,
        Some(format) if format.eq_ignore_ascii_case("json") => Format::Json,
        Some(format) if !format.eq_ignore_ascii_case("text") => {
            warnings.push(format!(
                "AWS_LAMBDA_LOG_FORMAT is `{format}`, which is neither Text nor JSON; records are written as text"
            ));
            Format::Text
        }
        Some(_) | None => Format::Text,
    };
    let level = match vars.get("AWS_LAMBDA_LOG_LEVEL") {
        None => Level::Info,
        Some(name) => Level::parse(&name).unwrap_or_else(|| {
            warnings.push(format!(
                "AWS_LAMBDA_LOG_LEVEL is `{name}`, which is not one of TRACE, DEBUG, INFO, WARN, ERROR and \
                 FATAL; records from INFO up are written"
            ));
            Level::Info
        }),
    };
    // A value that is not a descriptor is ignored silently, as in the official runtimes (G10.6).
    let telemetry_fd = vars.get("_LAMBDA_TELEMETRY_LOG_FD").and_then(|fd| fd.parse().ok());
    LogSettings { format, level, telemetry_fd, batches: is_managed }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(vars: &[(&'static str, &'static str)]) -> Result<Config, Vec<ConfigError>> {
        Config::read(&vars.iter().copied().collect::<HashMap<_, _>>())
    }

    #[test]
    fn only_the_runtime_api_is_indispensable() {
        let config = read(&[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")]).unwrap();
        assert_eq!(config.handler, None);
        assert_eq!(config.task_root, PathBuf::from("."));
        assert_eq!(config.function.version, "$LATEST");
        assert_eq!(config.function.memory_mb, 128);
        assert_eq!(config.log.format, Format::Text);
        assert_eq!(config.log.level, Level::Info);
        assert_eq!(config.warnings, Vec::<String>::new());
    }

    #[test]
    fn every_error_is_reported_at_once() {
        assert_eq!(
            read(&[("BULKHEAD_SIGTERM", "yes")]).unwrap_err(),
            [ConfigError::NoRuntimeApi, ConfigError::Sigterm("yes".to_owned())]
        );
    }

    #[test]
    fn secrets_of_a_developer_are_not_for_lambda() {
        let api = ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001");
        let file = ("BULKHEAD_SECRETS_FILE", "/var/task/secrets.toml");
        let wrong = read(&[api, file, ("LAMBDA_TASK_ROOT", "/var/task")]).unwrap_err();
        assert_eq!(wrong, [ConfigError::SecretsFile]);
        assert!(wrong[0].to_string().ends_with("Remove it from the function"), "{}", wrong[0]);
        assert!(read(&[api, file, ("LAMBDA_TASK_ROOT", "/home/dev/target/bulkhead")]).is_ok());
        assert!(read(&[api, ("LAMBDA_TASK_ROOT", "/var/task")]).is_ok());
    }

    #[test]
    fn a_store_is_elsewhere_on_a_developer_s_machine() {
        let manifest = "[store]\nname = 'prod'\nurl = 'file:///mnt/tenants'\n\
                        public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']";
        let mut store = crate::policy::manifest::Manifest::parse(manifest).unwrap().store.unwrap();
        let before = store.clone();
        let api = ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001");
        read(&[api]).unwrap().store.apply(&mut store);
        assert_eq!(store, before);
        let config =
            read(&[api, ("BULKHEAD_STORE_URL", "file:///tmp/store"), ("BULKHEAD_STORE_REFRESH", "100ms")]);
        config.unwrap().store.apply(&mut store);
        let tenth = Duration::from_millis(100);
        assert_eq!((store.url.clone(), store.refresh), (StoreUrl::Directory("/tmp/store".into()), tenth));
        assert_eq!(store.max_stale, tenth, "no event is served under an older record");
        let wrong = read(&[api, ("BULKHEAD_STORE_URL", "/tmp"), ("BULKHEAD_STORE_REFRESH", "soon")]);
        let wrong: Vec<String> = wrong.unwrap_err().iter().map(ToString::to_string).collect();
        assert!(
            wrong[0].starts_with("BULKHEAD_STORE_URL: \"/tmp\" does not begin with s3:// or file://"),
            "{wrong:?}"
        );
        assert_eq!(wrong[1], "BULKHEAD_STORE_REFRESH is `soon`, which is not a time such as 100ms");
    }

    #[test]
    fn an_empty_variable_is_an_absent_one() {
        assert_eq!(read(&[("AWS_LAMBDA_RUNTIME_API", "")]).unwrap_err(), [ConfigError::NoRuntimeApi]);
    }

    #[test]
    fn odd_values_of_lambda_warn_and_name_the_variable() {
        let config = read(&[
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "lots"),
            ("AWS_LAMBDA_LOG_FORMAT", "yaml"),
            ("AWS_LAMBDA_LOG_LEVEL", "loud"),
            ("_LAMBDA_TELEMETRY_LOG_FD", "none"),
        ])
        .unwrap();
        for (warning, variable) in config.warnings.iter().zip(["MEMORY_SIZE", "LOG_FORMAT", "LOG_LEVEL"]) {
            assert!(warning.contains(variable), "{warning}");
        }
        assert_eq!(config.warnings.len(), 3);
        assert_eq!(config.log.telemetry_fd, None);
    }

    #[test]
    fn log_settings_ignore_case() {
        let config = read(&[
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_LOG_LEVEL", "warn"),
        ])
        .unwrap();
        assert_eq!((config.log.format, config.log.level), (Format::Json, Level::Warn));
    }

    #[test]
    fn r6_1_snapstart_is_one_exact_word() {
        for (word, expected) in [("snap-start", true), ("Snap-Start", false), ("on-demand", false)] {
            let config = read(&[
                ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", word),
            ]);
            assert_eq!(config.unwrap().snap_start, expected, "{word}");
        }
    }

    #[test]
    fn l8_1_a_managed_instance_says_how_many_events_at_a_time() {
        for (value, expected, warns) in [
            ("8", 8, false),
            ("1", 1, false),
            ("0", 1, true),
            ("many", 1, true),
            ("-3", 1, true),
            ("5000", 1000, true),
        ] {
            let config = read(&[
                ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
                ("AWS_LAMBDA_MAX_CONCURRENCY", value),
                ("AWS_LAMBDA_LOG_FORMAT", "Text"),
            ])
            .unwrap();
            assert_eq!(
                (config.max_concurrency, config.log.format),
                (Some(expected), Format::Json),
                "{value}"
            );
            assert_eq!(config.warnings.len(), usize::from(warns), "{:?}", config.warnings);
        }
        assert_eq!(read(&[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")]).unwrap().max_concurrency, None);
    }
}
