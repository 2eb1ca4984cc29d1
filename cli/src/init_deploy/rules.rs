//! What Lambda does not take together, and who says so.

/// Why there is no such function.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RuleError {
    #[error(
        "a function with tenant isolation has no URL of its own \
         (https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html): put an API Gateway before it, or have \
         [routing] of bulkhead.toml find the tenant in a header or in the event, and say --tenancy none"
    )]
    TenancyWithUrl,
    #[error(
        "tenant isolation gives each tenant a virtual machine of its own, and Managed Instances run containers, which are no \
         boundary of that kind (https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-security.html); use one of \
         them, with [routing] of bulkhead.toml finding the tenant in a header or in the event where it is the latter"
    )]
    TenancyOnInstances,
    #[error(
        "bulkhead.toml has tenants that are told apart by Lambda's tenant id, which events of a function without tenant \
         isolation do not have, so each would be rejected; leave out --tenancy none, or have [routing] find the tenant in a \
         header or in the event"
    )]
    TenantsWithoutTenancy,
    #[error(
        "bulkhead.toml says invoke_mode = \"response_stream\" for {0}, and a URL that sends responses whole would send what \
         belongs to the framing, too; leave out --invoke-mode buffered, or change bulkhead.toml"
    )]
    BufferedUrlForStream(String),
    #[error(
        "--invoke-mode is for a function with a URL; say --function-url iam or --function-url public, too"
    )]
    ModeWithoutUrl,
    #[error("{0} MB of memory: Lambda allows 128 to 10240; say another with --memory")]
    Memory(u32),
    #[error(
        "{0} MB of memory: Managed Instances have 2048 to 32768 \
         (https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-best-practices.html); say another with --memory"
    )]
    MemoryOnInstances(u32),
    #[error(
        "Managed Instances write their logs as JSON only \
         (https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html); leave out \
         --log-format text"
    )]
    TextOnInstances,
    #[error(
        "--max-concurrency is for Managed Instances, elsewhere an environment handles one event at a time; say \
         --managed-instances or --capacity-provider, too"
    )]
    ConcurrencyWithoutInstances,
    #[error(
        "{0:?} cannot be a function's name, which has up to 64 of a-z, A-Z, 0-9, - and _; say --name NAME"
    )]
    Name(String),
    #[error(
        "{0:?} cannot be a function's handler, which has up to 128 characters and no space; say --handler NAME"
    )]
    Handler(String),
    #[error("Lambda does not support this machine's architecture; choose one with --arch")]
    NoArch,
}
