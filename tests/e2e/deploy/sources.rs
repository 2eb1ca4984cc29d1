//! What each source of events has to be, whichever tool creates it.

use serde_json::Value;

use crate::deploy::variants::Variant;

/// A resource in the words of CloudFormation and of Terraform's provider.
type Kind = (&'static str, &'static str);

const QUEUE: Kind = ("AWS::SQS::Queue", "aws_sqs_queue");
const MAPPING: Kind = ("AWS::Lambda::EventSourceMapping", "aws_lambda_event_source_mapping");
const RETRIES: Kind = ("AWS::Lambda::EventInvokeConfig", "aws_lambda_function_event_invoke_config");
const PERMISSION: Kind = ("AWS::Lambda::Permission", "aws_lambda_permission");
const RULE: Kind = ("AWS::Events::Rule", "aws_cloudwatch_event_rule");
const TABLE: Kind = ("AWS::DynamoDB::Table", "aws_dynamodb_table");
const STREAM: Kind = ("AWS::Kinesis::Stream", "aws_kinesis_stream");
const GROUP: Kind = ("AWS::ElasticLoadBalancingV2::TargetGroup", "aws_lb_target_group");
const INTEGRATION: Kind = ("AWS::ApiGatewayV2::Integration", "aws_apigatewayv2_integration");

/// What sources call on Managed Instances.
const PUBLISHED: &str = "$LATEST.PUBLISHED";

/// One fact: a source has a resource of this kind with this value. The place of the value is a JSON pointer, in
/// CloudFormation and in Terraform; the value is JSON, and stands for a text that contains it where it is text.
type Fact = (&'static str, Kind, &'static str, &'static str, &'static str);

const FACTS: [Fact; 36] = [
    ("sqs", QUEUE, "/VisibilityTimeout", "/visibility_timeout_seconds", "60"),
    ("sqs", QUEUE, "/RedrivePolicy/maxReceiveCount", "/redrive_policy/maxReceiveCount", "5"),
    (
        "sqs",
        QUEUE,
        "/RedrivePolicy/deadLetterTargetArn",
        "/redrive_policy/deadLetterTargetArn",
        "\"letters\"",
    ),
    ("sqs", QUEUE, "/MessageRetentionPeriod", "/message_retention_seconds", "1209600"),
    ("sqs", QUEUE, "/SqsManagedSseEnabled", "/sqs_managed_sse_enabled", "true"),
    ("sqs", MAPPING, "/FunctionResponseTypes/0", "/function_response_types/0", "\"ReportBatchItemFailures\""),
    ("sqs", MAPPING, "/BatchSize", "/batch_size", "10"),
    ("sqs", MAPPING, "/FunctionName", "/function_name", "\"live\""),
    ("kinesis", STREAM, "/StreamModeDetails/StreamMode", "/stream_mode_details/stream_mode", "\"ON_DEMAND\""),
    ("kinesis", MAPPING, "/EventSourceArn", "/event_source_arn", "\"stream\""),
    ("dynamodb", TABLE, "/StreamSpecification/StreamViewType", "/stream_view_type", "\"NEW_AND_OLD_IMAGES\""),
    ("dynamodb", MAPPING, "/EventSourceArn", "/event_source_arn", "\"table\""),
    (
        "stream",
        MAPPING,
        "/FunctionResponseTypes/0",
        "/function_response_types/0",
        "\"ReportBatchItemFailures\"",
    ),
    ("stream", MAPPING, "/BisectBatchOnFunctionError", "/bisect_batch_on_function_error", "true"),
    ("stream", MAPPING, "/MaximumRetryAttempts", "/maximum_retry_attempts", "3"),
    ("stream", MAPPING, "/MaximumRecordAgeInSeconds", "/maximum_record_age_in_seconds", "86400"),
    (
        "stream",
        MAPPING,
        "/DestinationConfig/OnFailure/Destination",
        "/destination_config/on_failure/destination_arn",
        "\"failures\"",
    ),
    ("stream", MAPPING, "/StartingPosition", "/starting_position", "\"TRIM_HORIZON\""),
    ("stream", MAPPING, "/FunctionName", "/function_name", "\"live\""),
    ("async", RETRIES, "/MaximumRetryAttempts", "/maximum_retry_attempts", "2"),
    ("async", RETRIES, "/MaximumEventAgeInSeconds", "/maximum_event_age_in_seconds", "21600"),
    (
        "async",
        RETRIES,
        "/DestinationConfig/OnFailure/Destination",
        "/destination_config/on_failure/destination",
        "\"failures\"",
    ),
    ("eventbridge", PERMISSION, "/Principal", "/principal", "\"events.amazonaws.com\""),
    ("eventbridge", PERMISSION, "/SourceArn", "/source_arn", "\"rule\""),
    ("s3", PERMISSION, "/Principal", "/principal", "\"s3.amazonaws.com\""),
    ("s3", PERMISSION, "/SourceArn", "/source_arn", "\"s3\""),
    ("s3", PERMISSION, "/SourceAccount", "/source_account", "\"account\""),
    ("schedule", RULE, "/ScheduleExpression", "/schedule_expression", "\"rate(5 minutes)\""),
    ("http-api", INTEGRATION, "/PayloadFormatVersion", "/payload_format_version", "\"2.0\""),
    ("http-api", INTEGRATION, "/IntegrationUri", "/integration_uri", "\"live\""),
    (
        "http-api",
        ("AWS::ApiGatewayV2::Route", "aws_apigatewayv2_route"),
        "/AuthorizationType",
        "/authorization_type",
        "\"AWS_IAM\"",
    ),
    ("http-api", PERMISSION, "/SourceArn", "/source_arn", "\"/$default/$default\""),
    ("alb", GROUP, "/TargetType", "/target_type", "\"lambda\""),
    (
        "alb",
        ("AWS::ElasticLoadBalancingV2::Listener", "aws_lb_listener"),
        "/Protocol",
        "/protocol",
        "\"HTTP\"",
    ),
    ("alb", PERMISSION, "/Principal", "/principal", "\"elasticloadbalancing.amazonaws.com\""),
    (
        "url",
        ("AWS::Lambda::Url", "aws_lambda_function_url"),
        "/AuthType",
        "/authorization_type",
        "\"AWS_IAM\"",
    ),
];

/// The words under which the facts about a variant are listed.
fn words(variant: &Variant) -> Vec<&'static str> {
    let sources = variant.options.windows(2).filter(|pair| pair[0] == "--source").map(|pair| pair[1]);
    let mut words: Vec<&str> = sources.collect();
    let has = |names: [&str; 2]| names.iter().any(|name| words.contains(name));
    let (streams, is_async) = (has(["kinesis", "dynamodb"]), has(["eventbridge", "s3"]));
    words.extend(streams.then_some("stream"));
    words.extend(is_async.then_some("async"));
    words.extend(variant.options.contains(&"--schedule").then_some("schedule"));
    words
}

/// Checks every fact about a variant's sources. `resources` finds those of a kind.
fn check(variant: &Variant, resources: &dyn Fn(Kind) -> Vec<Value>, place: impl Fn(&Fact) -> &'static str) {
    let words = words(variant);
    for fact in FACTS.iter().filter(|fact| words.contains(&fact.0)) {
        let wanted: Value = serde_json::from_str(fact.4).expect("JSON");
        let there = resources(fact.1);
        let found: Vec<&Value> = there.iter().filter_map(|resource| resource.pointer(place(fact))).collect();
        let is_there = found.iter().any(|found| is(found, &wanted));
        assert!(is_there, "{}: {fact:?}: {found:?}", variant.name);
    }
}

/// A reference to a resource is text that names it; anything else is the value itself.
fn is(found: &Value, wanted: &Value) -> bool {
    match wanted.as_str() {
        Some(part) => found.to_string().to_lowercase().contains(&part.to_lowercase()),
        None => found == wanted,
    }
}

pub(crate) fn check_template(variant: &Variant, template: &Value) {
    let of_kind = |kind: Kind| {
        let found = super::variants::of_type(template, kind.0);
        found.into_iter().map(|resource| resource["Properties"].clone()).collect()
    };
    check(variant, &of_kind, |fact| fact.2);
    for retries in of_kind(RETRIES) {
        let wanted = if variant.has_alias() { "live" } else { PUBLISHED };
        assert!(is(&retries["Qualifier"], &wanted.into()), "{}: {retries}", variant.name);
    }
    for group in of_kind(GROUP) {
        let place = format!("targetgroup/{}/*", group["Name"].as_str().expect("a name"));
        let is_named = |permission: &Value| is(&permission["SourceArn"], &place.as_str().into());
        assert!(of_kind(PERMISSION).iter().any(is_named), "{}: {place}", variant.name);
    }
    for permission in of_kind(PERMISSION) {
        let function = &permission["FunctionName"];
        assert_eq!(is(function, &"live".into()), variant.has_alias(), "{}: {function}", variant.name);
    }
}

pub(crate) fn check_module(variant: &Variant, resources: &dyn Fn(&str) -> Vec<Value>) {
    check(variant, &|kind| resources(kind.1), |fact| fact.3);
    for retries in resources(RETRIES.1) {
        let wanted = if variant.has_alias() { "live" } else { PUBLISHED };
        assert!(is(&retries["qualifier"], &wanted.into()), "{}: {retries}", variant.name);
    }
    for permission in resources(PERMISSION.1) {
        assert_eq!(permission["qualifier"].is_string(), variant.has_alias(), "{}", variant.name);
    }
}
