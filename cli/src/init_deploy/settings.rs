//! The options for the function, named as in AWS.

use std::time::Duration;

use bulkhead_host::engine::Target;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::environment::{self, Variable};
use super::retention::{self, Retention};
use super::sources::SourceOptions;
use super::tags;
use crate::compile::parse_target;
use crate::local::settings;
use crate::number::whole;

/// All options. The default of a `None` depends on the project or on other options.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// The function's name [default: that of the only handler, or of the project's folder]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// The value of _HANDLER: the handler that gets every event if bulkhead.toml has no tenants [default: the
    /// only one]
    #[arg(long, value_name = "NAME")]
    pub(super) handler: Option<String>,
    /// The processor, x86_64 or arm64, for which the zip was packaged [default: this machine's]
    #[arg(long, value_parser = parse_target, value_name = "ARCH")]
    pub(super) arch: Option<Target>,
    /// The memory in MB [default: 256, or 2048 on Managed Instances]
    #[arg(long, value_name = "MB", value_parser = settings::megabytes)]
    pub(super) memory: Option<u32>,
    /// The timeout of an event, in whole seconds
    #[arg(long, value_name = "TIME", default_value = settings::TIMEOUT, value_parser = timeout)]
    pub(super) timeout: Duration,
    /// An environment variable of the function; a handler sees it if inherit_environment of bulkhead.toml names
    /// it
    #[arg(long, alias = "env", value_name = "KEY=VALUE", value_parser = environment::parse)]
    pub(super) env_var: Vec<Variable>,
    /// The format of the log
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Json)]
    pub(super) log_format: LogFormat,
    /// How many days the log is kept
    #[arg(long, value_name = "DAYS", default_value = "30", value_parser = retention::parse)]
    pub(super) log_retention: Retention,
    /// Whether AWS X-Ray traces every event, or only those whose caller requests it
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Tracing::PassThrough)]
    pub(super) tracing: Tracing,
    #[command(flatten)]
    pub(super) sources: SourceOptions,
    /// Whether the function has a URL, and who may call it: callers that IAM allows, or everybody [default:
    /// none, or iam with --source url]
    #[arg(long, value_enum, value_name = "WHO")]
    pub(super) function_url: Option<FunctionUrl>,
    /// Whether the URL buffers a response or streams it [default: the handler's invoke_mode in bulkhead.toml]
    #[arg(long, value_enum, value_name = "MODE")]
    pub(super) invoke_mode: Option<InvokeMode>,
    /// Lambda's tenant isolation, which gives events a tenant id [default: per-tenant if bulkhead.toml has
    /// tenants that are routed by this id, else none]
    #[arg(long, value_enum, value_name = "MODE")]
    pub(super) tenancy: Option<Tenancy>,
    /// Connect the function to a VPC; the subnets and security groups are parameters of the deployment
    #[arg(long)]
    pub(super) vpc: bool,
    /// A tag of everything that is created
    #[arg(long, value_name = "KEY=VALUE", value_parser = tags::parse)]
    pub(super) tag: Vec<Variable>,
    /// Leave out the alarms, their topic and the dashboard
    #[arg(long)]
    pub(super) no_alarms: bool,
    #[command(flatten)]
    pub(super) instances: Instances,
}

impl Settings {
    /// Whether no option says what calls the function.
    pub(super) fn asks_nothing(&self) -> bool {
        self.sources.source.is_empty() && self.function_url.is_none()
    }
}

/// Options for Lambda Managed Instances.
#[derive(Debug, Args)]
pub(super) struct Instances {
    /// Run on Lambda Managed Instances, with a new capacity provider for this function
    #[arg(long)]
    pub(super) managed_instances: bool,
    /// Run on Lambda Managed Instances, with an existing capacity provider
    #[arg(long, value_name = "ARN", value_parser = capacity_provider, conflicts_with = "managed_instances")]
    pub(super) capacity_provider: Option<String>,
    /// How many events an environment may handle at a time on Managed Instances [default: Lambda's]
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=1600, 16))]
    pub(super) max_concurrency: Option<u32>,
    /// How many vCPUs the capacity provider may have [default: Lambda's, which is 400]
    #[arg(long, value_name = "N", requires = "managed_instances", value_parser = whole::<u32>(2..=15_000, 100))]
    pub(super) max_vcpus: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
pub(super) enum LogFormat {
    #[serde(rename = "JSON")]
    Json,
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Tracing {
    Active,
    PassThrough,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FunctionUrl {
    None,
    Iam,
    Public,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum InvokeMode {
    Buffered,
    ResponseStream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Tenancy {
    None,
    PerTenant,
}

/// Lambda counts in seconds, and allows up to 15 minutes.
fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = settings::timeout(text)?;
    if timeout.subsec_nanos() == 0 {
        Ok(timeout)
    } else {
        Err("Lambda allows only whole seconds, such as 10, 10s or 2min".to_owned())
    }
}

/// The pattern of CloudFormation's schema, except that any partition is accepted.
fn capacity_provider(text: &str) -> Result<String, String> {
    let known = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let parts: Vec<&str> = text.split(':').collect();
    let [arn, partition, "lambda", region, account, "capacity-provider", name] = parts[..] else {
        return Err("write it as arn:aws:lambda:REGION:ACCOUNT:capacity-provider:NAME".to_owned());
    };
    let is_account = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
    let words = [partition, region, name];
    if arn == "arn"
        && is_account
        && words.iter().all(|word| !word.is_empty() && word.chars().all(known))
        && text.len() <= 140
    {
        return Ok(text.to_owned());
    }
    Err("write it as arn:aws:lambda:REGION:ACCOUNT:capacity-provider:NAME".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_what_lambda_takes() {
        assert_eq!(timeout("1m 30s"), Ok(Duration::from_secs(90)));
        for wrong in ["0s", "16min", "500ms", "1500ms", "ten"] {
            assert!(timeout(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_capacity_provider_is_named_by_its_arn() {
        let arn = "arn:aws:lambda:eu-central-1:123456789012:capacity-provider:steady";
        assert_eq!(capacity_provider(arn), Ok(arn.to_owned()));
        for wrong in [
            "steady",
            "arn:aws:lambda:eu-central-1:123:capacity-provider:steady",
            "arn:aws:lambda:eu-central-1:123456789012:capacity-provider:st eady",
            "arn:aws:lambda:eu-central-1:123456789012:function:steady",
        ] {
            assert!(capacity_provider(wrong).unwrap_err().contains("capacity-provider:NAME"), "{wrong}");
        }
    }
}
