//! The combinations of options that Lambda rejects, each with the page of the AWS documentation that says so.

/// The reason why Lambda would reject the function.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RuleError {
    #[error(
        "a function with tenant isolation cannot have a function URL \
         (https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html): put an API Gateway in front \
         of it, or let [routing] of bulkhead.toml find the tenant in a header or in the event, and pass \
         --tenancy none"
    )]
    TenancyWithUrl,
    #[error(
        "tenant isolation gives each tenant its own virtual machine, but Managed Instances run containers, \
         which are not a security boundary \
         (https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-security.html); choose one \
         of the two. With Managed Instances, let [routing] of bulkhead.toml find the tenant in a header or \
         in the event"
    )]
    TenancyOnInstances,
    #[error(
        "bulkhead.toml identifies tenants by Lambda's tenant id, which only a function with tenant isolation \
         receives, so every event would be rejected; leave out --tenancy none, or let [routing] find the \
         tenant in a header or in the event"
    )]
    TenantsWithoutTenancy,
    #[error(
        "bulkhead.toml sets invoke_mode = \"response_stream\" for {0}, but a buffered URL would pass the \
         framing of the stream on to the caller; leave out --invoke-mode buffered, or change bulkhead.toml"
    )]
    BufferedUrlForStream(String),
    #[error(
        "a function with tenant isolation gets no events from {0}, because they have no tenant id \
         (https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html); leave out --source {0}, or let \
         [routing] of bulkhead.toml find the tenant in the event, and pass --tenancy none"
    )]
    TenancyWithSource(&'static str),
    #[error(
        "{0} is an HTTP service, so every event of {1} would fail with Function.NotAnHttpEvent; choose --source \
         url, http-api or alb, or set other_events = \"post\" for {0} in bulkhead.toml"
    )]
    SourceForHttp(String, &'static str),
    #[error("--source none cannot be combined with other sources; leave it out")]
    NoneAndSource,
    #[error("--source url creates a URL, but --function-url none leaves it out; leave out one of the two")]
    UrlAndNone,
    #[error("--schedule is for the source eventbridge only; add --source eventbridge")]
    ScheduleWithoutRule,
    #[error(
        "--vpc: on Managed Instances, the capacity provider says in which subnets the function runs; leave out \
         --vpc"
    )]
    VpcOnInstances,
    #[error(
        "--invoke-mode requires a function URL; add --source url, --function-url iam or --function-url public"
    )]
    ModeWithoutUrl,
    #[error("{0} MB of memory: Lambda allows 128 to 10240; change --memory")]
    Memory(u32),
    #[error(
        "{0} MB of memory: Managed Instances allow 2048 to 32768 \
         (https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-best-practices.html); change \
         --memory"
    )]
    MemoryOnInstances(u32),
    #[error(
        "Managed Instances write their logs as JSON only \
         (https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html); \
         leave out --log-format text"
    )]
    TextOnInstances,
    #[error(
        "--max-concurrency is for Managed Instances only: elsewhere an environment handles one event at a \
         time; add --managed-instances or --capacity-provider"
    )]
    ConcurrencyWithoutInstances,
    #[error("{0:?} is not a valid function name: use up to 64 of a-z, A-Z, 0-9, - and _; pass --name NAME")]
    Name(String),
    #[error("{0:?} is not a valid handler name: use up to 128 characters and no spaces; pass --handler NAME")]
    Handler(String),
    #[error("Lambda does not support this machine's architecture; choose one with --arch")]
    NoArch,
}
