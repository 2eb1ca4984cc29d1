//! What calls the function: the sources that were asked for, or the one that the project suggests.

use bulkhead_host::policy::manifest::{Manifest, MixedBatches, TenantSource};
use bulkhead_host::wasm::Kind;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::project::Known;
use super::rules::RuleError;

/// The options about sources.
#[derive(Debug, Args)]
pub(super) struct SourceOptions {
    /// What calls the function; it is created, with the permission to do so. Repeat the option for several
    /// sources [default: what the project suggests]
    #[arg(long, value_enum, value_name = "KIND")]
    pub(super) source: Vec<Source>,
    /// The schedule of the source eventbridge, such as "rate(5 minutes)" or "cron(0 6 * * ? *)" [default: the
    /// events of the default bus whose source is the function's name]
    #[arg(long, value_name = "EXPRESSION", value_parser = schedule)]
    pub(super) schedule: Option<String>,
}

/// A source of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Source {
    /// None
    None,
    /// An SQS queue, with a dead-letter queue
    Sqs,
    /// A Kinesis stream
    Kinesis,
    /// A DynamoDB table, with the stream of its changes
    Dynamodb,
    /// An EventBridge rule, for events or for a schedule
    Eventbridge,
    /// An S3 bucket, for its new objects
    S3,
    /// The function's own URL
    Url,
    /// An API Gateway HTTP API
    HttpApi,
    /// An Application Load Balancer
    Alb,
}

/// The sources, as templates ask for them.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Sources {
    sqs: bool,
    kinesis: bool,
    dynamodb: bool,
    eventbridge: bool,
    s3: bool,
    http_api: bool,
    alb: bool,
    /// The schedule of the rule.
    schedule: Option<String>,
    /// Any of the above.
    is_any: bool,
    /// Whether the function reads records in order.
    is_stream: bool,
    /// Whether Lambda itself queues the events and tries them again.
    is_async: bool,
    /// Whether the resources of CDK need the function's name.
    needs_name: bool,
    /// Whether the function has a URL.
    #[serde(skip)]
    pub(super) url: bool,
}

/// The sources, and the reason if the project suggested them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) sources: Sources,
    pub(super) reason: Option<&'static str>,
}

impl Source {
    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sqs => "sqs",
            Self::Kinesis => "kinesis",
            Self::Dynamodb => "dynamodb",
            Self::Eventbridge => "eventbridge",
            Self::S3 => "s3",
            Self::Url => "url",
            Self::HttpApi => "http-api",
            Self::Alb => "alb",
        }
    }

    /// Whether its events are HTTP requests.
    fn is_http(self) -> bool {
        match self {
            Self::Url | Self::HttpApi | Self::Alb => true,
            Self::None | Self::Sqs | Self::Kinesis | Self::Dynamodb | Self::Eventbridge | Self::S3 => false,
        }
    }

    /// The source that a project suggests, and why. Most handlers take any event, so most projects suggest
    /// none.
    pub(super) fn suggested(
        manifest: &Manifest,
        kind: Option<Kind>,
        streams: bool,
    ) -> Option<(Self, &'static str)> {
        if kind == Some(Kind::Http) || streams {
            return Some((
                Self::Url,
                "The handler is an HTTP service, so it has a URL for callers that IAM allows.",
            ));
        }
        if kind == Some(Kind::Streaming) {
            return Some((Self::Url, "The handler streams, so it has a URL for callers that IAM allows."));
        }
        if manifest.routing.mixed_batches == MixedBatches::Split {
            return Some((Self::Sqs, "bulkhead.toml splits batches of SQS, so the function has a queue."));
        }
        match &manifest.routing.tenant {
            TenantSource::Pointer(pointer) if pointer.to_string().starts_with("/detail") => Some((
                Self::Eventbridge,
                "bulkhead.toml finds tenants in events of EventBridge, so the function has a rule.",
            )),
            TenantSource::Pointer(pointer) if pointer.to_string().starts_with("/Records/*/s3/") => {
                Some((Self::S3, "bulkhead.toml finds tenants in events of S3, so the function has a bucket."))
            }
            TenantSource::Pointer(_) | TenantSource::Header(_) | TenantSource::Lambda => None,
        }
    }
}

/// The sources of a function. `has_url` says whether an option asks for a URL, or for none.
pub(super) fn chosen(
    options: &SourceOptions,
    has_url: Option<bool>,
    known: &Known,
    is_tenancy: bool,
) -> Result<Chosen, RuleError> {
    let mut asked = options.source.clone();
    let mut reason = None;
    if asked.is_empty()
        && has_url.is_none()
        && !is_tenancy
        && let Some((source, because)) = known.suggested
    {
        asked.push(source);
        reason = Some(because);
    }
    check(&asked, options, known, is_tenancy)?;
    let has = |source| asked.contains(&source);
    if has(Source::Url) && has_url == Some(false) {
        return Err(RuleError::UrlAndNone);
    }
    let mut sources = Sources {
        sqs: has(Source::Sqs),
        kinesis: has(Source::Kinesis),
        dynamodb: has(Source::Dynamodb),
        eventbridge: has(Source::Eventbridge),
        s3: has(Source::S3),
        http_api: has(Source::HttpApi),
        alb: has(Source::Alb),
        schedule: options.schedule.clone(),
        url: has(Source::Url) || has_url == Some(true),
        ..Sources::default()
    };
    sources.is_stream = sources.kinesis || sources.dynamodb;
    sources.is_async = sources.eventbridge || sources.s3;
    sources.is_any = sources.sqs || sources.is_stream || sources.is_async || sources.http_api || sources.alb;
    sources.needs_name = sources.sqs || sources.is_stream || sources.is_async || sources.http_api;
    Ok(Chosen { sources, reason })
}

fn check(
    asked: &[Source],
    options: &SourceOptions,
    known: &Known,
    is_tenancy: bool,
) -> Result<(), RuleError> {
    if asked.contains(&Source::None) && asked.len() > 1 {
        return Err(RuleError::NoneAndSource);
    }
    if options.schedule.is_some() && !asked.contains(&Source::Eventbridge) {
        return Err(RuleError::ScheduleWithoutRule);
    }
    for source in asked.iter().filter(|source| **source != Source::None) {
        if is_tenancy && *source == Source::Url {
            return Err(RuleError::TenancyWithUrl);
        }
        if is_tenancy {
            return Err(RuleError::TenancyWithSource(source.name()));
        }
        if known.is_http_only && !source.is_http() {
            return Err(RuleError::SourceForHttp(known.handler.clone(), source.name()));
        }
    }
    Ok(())
}

impl Sources {
    /// Whether some events can fail for good, other than those of a queue, so that they need a place to go.
    pub(super) fn has_failures(&self) -> bool {
        self.is_stream || self.is_async
    }

    pub(super) fn has_queue(&self) -> bool {
        self.sqs
    }

    pub(super) fn has_stream(&self) -> bool {
        self.is_stream
    }

    /// Whether anything calls the function.
    pub(super) fn is_called(&self) -> bool {
        self.is_any || self.url
    }
}

/// EventBridge checks the rest.
fn schedule(text: &str) -> Result<String, String> {
    let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    let words = |text: &str| text.split_whitespace().count();
    let is_rate = inner("rate").is_some_and(|rate| words(rate) == 2);
    let is_cron = inner("cron").is_some_and(|cron| words(cron) == 6);
    if is_rate || is_cron {
        return Ok(text.to_owned());
    }
    Err("write it as rate(5 minutes), or as cron(MINUTE HOUR DAY MONTH WEEKDAY YEAR), such as cron(0 6 * * ? *)"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::init_deploy::function::tests::plain;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: SourceOptions,
    }

    fn of(arguments: &[&str], known: &Known) -> Result<Chosen, RuleError> {
        let arguments = [""].iter().chain(arguments);
        chosen(&Line::parse_from(arguments).options, None, known, false)
    }

    fn suggests(manifest: &str, kind: Option<Kind>) -> Option<Source> {
        Source::suggested(&Manifest::parse(manifest).unwrap(), kind, false).map(|(source, _)| source)
    }

    #[test]
    fn a_project_suggests_what_its_handler_or_its_tenants_take() {
        assert_eq!(suggests("", Some(Kind::Http)), Some(Source::Url));
        assert_eq!(suggests("", Some(Kind::Streaming)), Some(Source::Url));
        assert_eq!(suggests("", Some(Kind::Handler)), None);
        for (pointer, rest, source) in [
            ("/Records/*/body/tenant", "mixed_batches = \"split\"", Some(Source::Sqs)),
            ("/Records/*/body/tenant", "", None),
            ("/detail/tenant", "", Some(Source::Eventbridge)),
            ("/Records/*/s3/bucket/name", "", Some(Source::S3)),
        ] {
            let routing = format!("[routing]\ntenant = {{ pointer = \"{pointer}\" }}\n{rest}");
            assert_eq!(suggests(&routing, None), source, "{routing}");
        }
    }

    #[test]
    fn a_suggestion_is_taken_unless_a_source_is_named() {
        let known = Known { suggested: Some((Source::Sqs, "it splits")), ..plain() };
        let taken = of(&[], &known).unwrap();
        assert!(taken.sources.sqs && taken.reason == Some("it splits"));
        assert_eq!(of(&["--source", "none"], &known).unwrap().sources, Sources::default());
        let other = of(&["--source", "s3"], &known).unwrap();
        assert!(other.sources.s3 && !other.sources.sqs && other.reason.is_none());
    }

    #[test]
    fn sources_that_cannot_be_are_refused() {
        let http = Known { is_http_only: true, ..plain() };
        let queue = ["--source", "sqs"];
        assert_eq!(of(&queue, &http), Err(RuleError::SourceForHttp("hello".into(), "sqs")));
        assert!(of(&["--source", "alb", "--source", "http-api"], &http).is_ok());
        assert_eq!(of(&["--source", "none", "--source", "sqs"], &plain()), Err(RuleError::NoneAndSource));
        let scheduled = ["--source", "sqs", "--schedule", "rate(1 hour)"];
        assert_eq!(of(&scheduled, &plain()), Err(RuleError::ScheduleWithoutRule));
        let options = |arguments: [&str; 3]| Line::parse_from(arguments).options;
        let refused = |source, has_url, is_tenancy| {
            chosen(&options(["", "--source", source]), has_url, &plain(), is_tenancy).unwrap_err()
        };
        assert_eq!(refused("kinesis", None, true), RuleError::TenancyWithSource("kinesis"));
        assert_eq!(refused("url", None, true), RuleError::TenancyWithUrl);
        assert_eq!(refused("url", Some(false), false), RuleError::UrlAndNone);
    }

    #[test]
    fn a_schedule_is_a_rate_or_a_cron_expression() {
        for right in ["rate(5 minutes)", "cron(0 6 * * ? *)"] {
            assert_eq!(schedule(right), Ok(right.to_owned()));
        }
        for wrong in ["5 minutes", "rate(5)", "cron(0 6 * * *)", "rate(5 minutes", ""] {
            assert!(schedule(wrong).is_err(), "{wrong}");
        }
    }
}
