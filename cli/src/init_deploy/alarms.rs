//! The alarms and the metrics from the log that `docs/operating.md` asks for. All tools get them from this list.

use serde::Serialize;

use super::settings::LogFormat;
use super::sources::Sources;

/// An alarm: it goes off if the metric exceeds the threshold.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Alarm {
    /// Its name in CloudFormation.
    pub(super) id: &'static str,
    /// Its name in Terraform.
    key: &'static str,
    description: &'static str,
    subject: Subject,
    namespace: &'static str,
    metric: &'static str,
    statistic: &'static str,
    threshold: Threshold,
    /// In seconds.
    period: u32,
    periods: u32,
    datapoints: u32,
    /// Whether it stops the deployment of a new version.
    stops_deployment: bool,
}

/// A number, or a parameter of the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Threshold {
    Fixed(u64),
    Parameter(Parameter),
}

/// A parameter of the deployment, under its names in CloudFormation, Terraform and CDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Parameter {
    id: &'static str,
    key: &'static str,
    context: &'static str,
}

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Subject {
    Function,
    Log,
    DeadLetters,
    Failures,
}

/// A metric that counts records of the log.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Filter {
    /// The name of the metric.
    id: &'static str,
    /// Its name in Terraform.
    key: &'static str,
    pattern: &'static str,
}

/// The properties of a function that decide which alarms it needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watched<'a> {
    pub(super) sources: &'a Sources,
    pub(super) has_failures: bool,
    pub(super) has_tenants: bool,
    pub(super) has_receipts: bool,
    pub(super) log_format: LogFormat,
    /// In seconds.
    pub(super) timeout: u64,
}

const FUNCTION: Alarm = Alarm {
    id: "",
    key: "",
    description: "",
    subject: Subject::Function,
    namespace: "AWS/Lambda",
    metric: "",
    statistic: "Sum",
    threshold: Threshold::Fixed(0),
    period: 300,
    periods: 1,
    datapoints: 1,
    stops_deployment: false,
};

const LOG: Alarm = Alarm { subject: Subject::Log, namespace: "", ..FUNCTION };

const QUEUE: Alarm = Alarm {
    namespace: "AWS/SQS",
    metric: "ApproximateNumberOfMessagesVisible",
    statistic: "Maximum",
    ..FUNCTION
};

/// The records older than this, in milliseconds, have waited too long in their stream.
const OLDEST_RECORD: u64 = 300_000;

/// How many events may fail in five minutes.
const MAX_ERRORS: Threshold =
    Threshold::Parameter(Parameter { id: "MaxErrors", key: "max_errors", context: "maxErrors" });

/// How many events of unknown tenants are no more than a mistyped id, in five minutes.
const MAX_UNKNOWN_TENANTS: Threshold = Threshold::Parameter(Parameter {
    id: "MaxUnknownTenants",
    key: "max_unknown_tenants",
    context: "maxUnknownTenants",
});

pub(super) fn alarms(watched: Watched<'_>) -> Vec<Alarm> {
    let mut alarms = of_function(watched.timeout);
    if watched.has_receipts {
        alarms.push(Alarm {
            id: "FailedEvents",
            key: "failed_events",
            description: "Receipts have another outcome than Replied",
            metric: "FailedEvents",
            threshold: MAX_ERRORS,
            ..LOG
        });
        alarms.push(Alarm {
            id: "SandboxUnavailable",
            key: "sandbox_unavailable",
            description: "There was no room for events, and no handler caused this",
            metric: "SandboxUnavailable",
            ..LOG
        });
    }
    if watched.has_receipts && watched.has_tenants {
        alarms.push(Alarm {
            id: "UnknownTenants",
            key: "unknown_tenants",
            description: "A tenant is missing in bulkhead.toml, or someone is guessing ids",
            metric: "UnknownTenants",
            threshold: MAX_UNKNOWN_TENANTS,
            ..LOG
        });
    }
    alarms.extend(of_sources(watched));
    alarms
}

fn of_function(timeout: u64) -> Vec<Alarm> {
    vec![
        Alarm {
            id: "Errors",
            key: "errors",
            description: "Events failed",
            metric: "Errors",
            threshold: MAX_ERRORS,
            stops_deployment: true,
            ..FUNCTION
        },
        Alarm {
            id: "Throttles",
            key: "throttles",
            description: "Lambda turned events away, because too many came at a time",
            metric: "Throttles",
            ..FUNCTION
        },
        Alarm {
            id: "Duration",
            key: "duration",
            description: "Events take more than four fifths of the timeout",
            metric: "Duration",
            statistic: "Maximum",
            threshold: Threshold::Fixed(timeout * 800),
            period: 60,
            periods: 5,
            datapoints: 3,
            ..FUNCTION
        },
        Alarm {
            id: "Fatal",
            key: "fatal",
            description: "The bootstrap could not start or could not continue",
            metric: "Fatal",
            stops_deployment: true,
            ..LOG
        },
    ]
}

fn of_sources(watched: Watched<'_>) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    if watched.sources.has_queue() {
        alarms.push(Alarm {
            id: "DeadLetters",
            key: "dead_letters",
            description: "Messages failed five times, and wait in the dead-letter queue",
            subject: Subject::DeadLetters,
            ..QUEUE
        });
    }
    if watched.has_failures {
        alarms.push(Alarm {
            id: "Failures",
            key: "failures",
            description: "Events or records failed after all attempts",
            subject: Subject::Failures,
            ..QUEUE
        });
    }
    if watched.sources.has_stream() {
        alarms.push(Alarm {
            id: "IteratorAge",
            key: "iterator_age",
            description: "Records have waited in the stream for more than five minutes",
            metric: "IteratorAge",
            statistic: "Maximum",
            threshold: Threshold::Fixed(OLDEST_RECORD),
            ..FUNCTION
        });
    }
    alarms
}

/// The metrics from the log that the alarms are about.
pub(super) fn filters(watched: Watched<'_>) -> Vec<Filter> {
    let fatal = match watched.log_format {
        LogFormat::Json => "{ $.level = \"FATAL\" }",
        // The level is the third field. A guest can print the word, but only after it.
        LogFormat::Text => "%^\\S+\\s\\S+\\sFATAL\\s%",
    };
    let mut filters = vec![Filter { id: "Fatal", key: "fatal", pattern: fatal }];
    if watched.has_receipts {
        filters.push(Filter {
            id: "FailedEvents",
            key: "failed_events",
            pattern: "{ $.type = \"bulkhead.receipt\" && $.outcome != \"Replied\" }",
        });
        filters.push(Filter {
            id: "SandboxUnavailable",
            key: "sandbox_unavailable",
            pattern: "{ $.type = \"bulkhead.receipt\" && $.outcome = \"Runtime.SandboxUnavailable\" }",
        });
    }
    if watched.has_receipts && watched.has_tenants {
        filters.push(Filter {
            id: "UnknownTenants",
            key: "unknown_tenants",
            pattern: "{ $.type = \"bulkhead.receipt\" && $.outcome = \"Runtime.UnknownTenant\" }",
        });
    }
    filters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(watched: Watched<'_>) -> Vec<&'static str> {
        alarms(watched).into_iter().map(|alarm| alarm.id).collect()
    }

    #[test]
    fn each_metric_of_the_log_has_an_alarm_and_the_other_way_round() {
        let sources = Sources::default();
        let least = Watched {
            sources: &sources,
            has_failures: false,
            has_tenants: false,
            has_receipts: false,
            log_format: LogFormat::Json,
            timeout: 10,
        };
        assert_eq!(ids(least), ["Errors", "Throttles", "Duration", "Fatal"]);
        let all = Watched { has_failures: true, has_tenants: true, has_receipts: true, ..least };
        for watched in [least, all, Watched { has_tenants: false, ..all }] {
            let counted: Vec<_> = filters(watched).into_iter().map(|filter| filter.id).collect();
            let about_log = alarms(watched).into_iter().filter(|alarm| alarm.subject == Subject::Log);
            assert_eq!(about_log.map(|alarm| alarm.metric).collect::<Vec<_>>(), counted);
        }
        assert!(ids(all).ends_with(&["UnknownTenants", "Failures"]), "{:?}", ids(all));
    }

    #[test]
    fn the_duration_is_compared_with_the_timeout() {
        let duration = of_function(90).into_iter().find(|alarm| alarm.id == "Duration").unwrap();
        assert_eq!(duration.threshold, Threshold::Fixed(72_000), "milliseconds");
    }
}
