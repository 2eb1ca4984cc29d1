//! The function to deploy: combines the options with the project's settings, and rejects what Lambda would
//! reject.

use bulkhead_host::engine::Target;
use bulkhead_host::engine::artifact::digest;
use serde::Serialize;

use super::access::Access;
use super::alarms::{self, Alarm, Filter, Watched};
use super::environment::{self, Variable};
use super::project::Known;
use super::reads::Reads;
use super::retention::Retention;
use super::rules::RuleError;
use super::settings::{FunctionUrl, Instances, InvokeMode, LogFormat, Settings, Tenancy, Tracing};
use super::sources::{self, Sources};
use crate::compile::lambda_name;
use crate::local::settings;

/// The longest name of a function.
const LONGEST_NAME: usize = 64;

/// The longest name of a stage.
const STAGE: usize = 10;

/// The values that templates can use.
#[derive(Debug, Serialize)]
pub(super) struct Function {
    name: String,
    /// A name for the stack, in which fewer characters are allowed.
    stack: String,
    zip: String,
    handler: String,
    /// The processor's name in Lambda.
    pub(super) arch: &'static str,
    memory: u32,
    /// In seconds.
    timeout: u64,
    environment: Vec<Variable>,
    log_format: LogFormat,
    log_retention: Retention,
    tracing: bool,
    url: Option<Url>,
    tenancy: bool,
    instances: Option<Managed>,
    /// Whether callers and sources call an alias. On Managed Instances they call the latest published version.
    alias: bool,
    pub(super) sources: Sources,
    /// Why the function has a source that no option named.
    #[serde(skip)]
    pub(super) reason: Option<&'static str>,
    /// Whether there is a queue for what failed after all attempts.
    failures: bool,
    /// The visibility timeout of the queue, in seconds.
    visibility: u64,
    /// The beginning of the bucket's name.
    bucket: String,
    /// The name of the target group, without a stage.
    target_group: String,
    /// How long the name of a stage may be.
    stage_length: usize,
    alarms: Vec<Alarm>,
    filters: Vec<Filter>,
    tags: Vec<Variable>,
    vpc: bool,
    reads: Option<Reads>,
    access: Access,
    /// What needs subnets and security groups.
    network: Option<&'static str>,
}

/// The function's URL.
#[derive(Debug, Serialize)]
struct Url {
    is_public: bool,
    invoke_mode: InvokeMode,
}

/// The Managed Instances that the function runs on.
#[derive(Debug, Serialize)]
struct Managed {
    /// The capacity provider; `None` for one of the function's own.
    provider: Option<String>,
    max_concurrency: Option<u32>,
    max_vcpus: Option<u32>,
}

impl Function {
    pub(super) fn new(settings: &Settings, known: Known, zip: String) -> Result<Self, RuleError> {
        let instances = managed(&settings.instances)?;
        let tenancy = tenancy(settings, &known)?;
        let asks_url = settings.function_url.map(|who| who != FunctionUrl::None);
        if tenancy && asks_url == Some(true) {
            return Err(RuleError::TenancyWithUrl);
        }
        let sources::Chosen { sources, reason } =
            sources::chosen(&settings.sources, asks_url, &known, tenancy)?;
        let url = url(settings, &known, sources.url)?;
        if tenancy && instances.is_some() {
            return Err(RuleError::TenancyOnInstances);
        }
        if settings.log_format == LogFormat::Text && instances.is_some() {
            return Err(RuleError::TextOnInstances);
        }
        if settings.vpc && instances.is_some() {
            return Err(RuleError::VpcOnInstances);
        }
        let name = name(settings.name.as_ref().unwrap_or(&known.name).clone())?;
        let alias = instances.is_none();
        let failures = sources.has_failures();
        let (alarms, filters) = watch(settings, &known, &sources, failures);
        Ok(Self {
            alias,
            reason,
            failures,
            visibility: 6 * settings.timeout.as_secs(),
            bucket: bucket(&name),
            target_group: target_group(&name),
            stage_length: STAGE.min((LONGEST_NAME - 1).saturating_sub(name.len())),
            alarms,
            filters,
            tags: environment::in_order(&settings.tag),
            vpc: settings.vpc,
            reads: known.reads,
            access: known.access,
            network: network(settings.vpc, instances.as_ref()),
            sources,
            stack: stack(&name),
            name,
            zip,
            handler: handler(known.handler)?,
            arch: lambda_name(settings.arch.or_else(Target::host).ok_or(RuleError::NoArch)?),
            memory: memory(settings.memory, instances.is_some())?,
            timeout: settings.timeout.as_secs(),
            environment: environment::in_order(&settings.env_var),
            log_format: settings.log_format,
            log_retention: settings.log_retention,
            tracing: settings.tracing == Tracing::Active,
            url,
            tenancy,
            instances,
        })
    }

    /// Whether the deployment has to say in which subnets and security groups the function runs.
    pub(super) fn needs_network(&self) -> bool {
        self.network.is_some()
    }
}

/// The alarms, and the metrics from the log.
fn watch(
    settings: &Settings,
    known: &Known,
    sources: &Sources,
    has_failures: bool,
) -> (Vec<Alarm>, Vec<Filter>) {
    if settings.no_alarms {
        return (Vec::new(), Vec::new());
    }
    let watched = Watched {
        sources,
        has_failures,
        has_tenants: known.has_tenants,
        has_receipts: known.has_receipts,
        log_format: settings.log_format,
        timeout: settings.timeout.as_secs(),
    };
    (alarms::alarms(watched), alarms::filters(watched))
}

/// What needs subnets and security groups: a function in a VPC, or a capacity provider of its own.
fn network(vpc: bool, instances: Option<&Managed>) -> Option<&'static str> {
    match instances {
        None if vpc => Some("function"),
        Some(instances) if instances.provider.is_none() => Some("instances"),
        None | Some(_) => None,
    }
}

fn managed(said: &Instances) -> Result<Option<Managed>, RuleError> {
    let provider = said.capacity_provider.clone();
    if said.managed_instances || provider.is_some() {
        let Instances { max_concurrency, max_vcpus, .. } = *said;
        return Ok(Some(Managed { provider, max_concurrency, max_vcpus }));
    }
    match said.max_concurrency {
        Some(_) => Err(RuleError::ConcurrencyWithoutInstances),
        None => Ok(None),
    }
}

fn tenancy(settings: &Settings, known: &Known) -> Result<bool, RuleError> {
    match settings.tenancy {
        Some(Tenancy::PerTenant) => Ok(true),
        Some(Tenancy::None) if known.by_tenant_id => Err(RuleError::TenantsWithoutTenancy),
        Some(Tenancy::None) => Ok(false),
        None => Ok(known.by_tenant_id),
    }
}

fn url(settings: &Settings, known: &Known, is_there: bool) -> Result<Option<Url>, RuleError> {
    if !is_there {
        return if settings.invoke_mode.is_some() { Err(RuleError::ModeWithoutUrl) } else { Ok(None) };
    }
    let is_public = settings.function_url == Some(FunctionUrl::Public);
    let invoke_mode = match settings.invoke_mode {
        Some(InvokeMode::Buffered) if known.streams => {
            return Err(RuleError::BufferedUrlForStream(known.handler.clone()));
        }
        Some(mode) => mode,
        None if known.streams || known.is_streaming => InvokeMode::ResponseStream,
        None => InvokeMode::Buffered,
    };
    Ok(Some(Url { is_public, invoke_mode }))
}

fn memory(said: Option<u32>, on_instances: bool) -> Result<u32, RuleError> {
    let (default, allowed) =
        if on_instances { (2048, 2048..=32_768) } else { (settings::MEMORY, 128..=10_240) };
    match said.unwrap_or(default) {
        memory if allowed.contains(&memory) => Ok(memory),
        memory if on_instances => Err(RuleError::MemoryOnInstances(memory)),
        memory => Err(RuleError::Memory(memory)),
    }
}

fn name(name: String) -> Result<String, RuleError> {
    let known = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let is_one = (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(known);
    if is_one { Ok(name) } else { Err(RuleError::Name(name)) }
}

/// The name of a bucket has up to 63 characters. The longest stage, the account, the longest region and the dashes
/// between them take 39.
fn bucket(name: &str) -> String {
    let stem: String = stack(name).to_ascii_lowercase().chars().take(24).collect();
    stem.trim_end_matches('-').to_owned()
}

/// The name of a target group has up to 32 letters, digits and dashes, of which a stage takes 11. A name that has to be
/// changed gets a part of its digest, so that the names of two functions remain different.
fn target_group(name: &str) -> String {
    const LONGEST: usize = 32 - 1 - STAGE;
    let stem = stack(name);
    if stem == name && stem.len() <= LONGEST && !stem.ends_with('-') {
        return stem;
    }
    let mark: String = digest(name.as_bytes()).chars().rev().take(6).collect();
    let stem: String = stem.chars().take(LONGEST - 1 - mark.len()).collect();
    format!("{}-{mark}", stem.trim_end_matches('-'))
}

fn handler(handler: String) -> Result<String, RuleError> {
    let known = |character: char| !character.is_whitespace() && !character.is_control();
    let is_one = (1..=128).contains(&handler.chars().count()) && handler.chars().all(known);
    if is_one { Ok(handler) } else { Err(RuleError::Handler(handler)) }
}

/// A stack's name starts with a letter and has no underscore.
fn stack(name: &str) -> String {
    let name = name.replace('_', "-");
    match name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        true => name,
        false => format!("function-{}", name.trim_start_matches('-')),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    pub(in super::super) fn plain() -> Known {
        Known::unknown("hello".into(), "hello".into())
    }

    pub(in super::super) fn function(arguments: &str, known: Known) -> Result<Function, RuleError> {
        let arguments = ["", "--arch", "arm64"].into_iter().chain(arguments.split_whitespace());
        Function::new(&Line::parse_from(arguments).settings, known, "../function.zip".into())
    }

    fn refused(arguments: &str, known: Known) -> RuleError {
        function(arguments, known).unwrap_err()
    }

    #[test]
    fn what_lambda_does_not_take_together_is_refused() {
        let provider = "--capacity-provider arn:aws:lambda:eu-west-1:123456789012:capacity-provider:p";
        for (arguments, error) in [
            ("--tenancy per-tenant --function-url iam", RuleError::TenancyWithUrl),
            ("--tenancy per-tenant --managed-instances", RuleError::TenancyOnInstances),
            (&*format!("--tenancy per-tenant {provider}"), RuleError::TenancyOnInstances),
            ("--managed-instances --log-format text", RuleError::TextOnInstances),
            ("--managed-instances --memory 1024", RuleError::MemoryOnInstances(1024)),
            ("--memory 12000", RuleError::Memory(12_000)),
            ("--invoke-mode buffered", RuleError::ModeWithoutUrl),
            ("--max-concurrency 4", RuleError::ConcurrencyWithoutInstances),
            ("--name a.b", RuleError::Name("a.b".into())),
            ("--tenancy per-tenant --source sqs", RuleError::TenancyWithSource("sqs")),
            ("--managed-instances --vpc", RuleError::VpcOnInstances),
        ] {
            assert_eq!(refused(arguments, plain()), error, "{arguments}");
        }
    }

    #[test]
    fn tenants_by_lambda_s_id_have_tenant_isolation() {
        let tenants = || Known { by_tenant_id: true, ..plain() };
        assert!(function("", tenants()).unwrap().tenancy && !function("", plain()).unwrap().tenancy);
        assert_eq!(refused("--tenancy none", tenants()), RuleError::TenantsWithoutTenancy);
        assert_eq!(refused("--function-url public", tenants()), RuleError::TenancyWithUrl);
    }

    #[test]
    fn the_url_s_mode_is_the_handler_s() {
        let streams = || Known { streams: true, ..plain() };
        let mode = |arguments, known| function(arguments, known).unwrap().url.unwrap().invoke_mode;
        assert_eq!(mode("--function-url iam", plain()), InvokeMode::Buffered);
        assert_eq!(mode("--function-url iam", streams()), InvokeMode::ResponseStream);
        assert_eq!(
            mode("--function-url iam --invoke-mode response-stream", plain()),
            InvokeMode::ResponseStream
        );
        let error = refused("--function-url iam --invoke-mode buffered", streams());
        assert_eq!(error, RuleError::BufferedUrlForStream("hello".into()));
    }

    #[test]
    fn names_are_those_that_lambda_and_cloudformation_take() {
        assert!(
            name("a".repeat(64)).is_ok() && name("a".repeat(65)).is_err() && name(String::new()).is_err()
        );
        assert!(handler("odd'\"${x}".into()).is_ok() && handler("a b".into()).is_err());
        for (name, wanted) in [("a_b", "a-b"), ("1st", "function-1st"), ("_x", "function-x")] {
            assert_eq!(stack(name), wanted);
        }
    }

    #[test]
    fn a_stage_and_a_bucket_fit_into_the_longest_names() {
        let length = |name: &str| function(&format!("--name {name}"), plain()).unwrap().stage_length;
        assert_eq!([length("hello"), length(&"a".repeat(58)), length(&"a".repeat(64))], [10, 5, 0]);
        let longest =
            format!("{}-{}-123456789012-ap-northeast-1", bucket(&"A_".repeat(32)), "s".repeat(STAGE));
        assert!(longest.len() <= 63 && longest.starts_with("a-a-"), "{longest}");
    }

    #[test]
    fn a_target_group_has_a_name_that_fits_and_that_no_other_function_s_has() {
        assert_eq!(target_group("hello"), "hello");
        let long = |last: &str| target_group(&format!("{}{last}", "a".repeat(63)));
        let odd = [long("1"), long("2"), target_group("a_b"), target_group("a-"), target_group("1st")];
        for name in &odd {
            let fits = name.chars().all(|one| one.is_ascii_alphanumeric() || one == '-');
            assert!(fits && name.len() <= 21 && !name.starts_with('-') && !name.ends_with('-'), "{name}");
        }
        assert!(odd[0] != odd[1] && odd[2] != target_group("a-b"), "{odd:?}");
    }

    #[test]
    fn a_handler_that_streams_by_its_kind_has_a_url_that_streams() {
        let known = Known { is_streaming: true, ..plain() };
        let function = function("--source url", known).unwrap();
        assert_eq!(function.url.unwrap().invoke_mode, InvokeMode::ResponseStream);
    }
}
