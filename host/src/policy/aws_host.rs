//! Which service of AWS a host is, in which region, and the name that signatures have for the service.
//!
//! There is no rule for these names, so this file has tables. A name that is not in them is the first part of the
//! host's name; where that is wrong, a credential says `service` and `region`.

/// The ends of the names of AWS's hosts, in each of its partitions.
const SUFFIXES: [&str; 10] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "api.aws",
    "api.amazonwebservices.com.cn",
    // Function URLs.
    "on.aws",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// Services whose host has no region in its name.
const GLOBAL: [&str; 7] = ["budgets", "cloudfront", "iam", "route53", "s3", "sts", "waf"];

/// The region of those, in signatures.
const GLOBAL_REGION: &str = "us-east-1";

/// Names in hosts whose service has another name in signatures.
const SIGNING_NAMES: [(&str, &str); 27] = [
    ("appsync-api", "appsync"),
    ("appsync-realtime-api", "appsync"),
    ("bedrock-agent", "bedrock"),
    ("bedrock-agent-runtime", "bedrock"),
    ("bedrock-data-automation", "bedrock"),
    ("bedrock-data-automation-runtime", "bedrock"),
    ("bedrock-runtime", "bedrock"),
    ("cloudhsmv2", "cloudhsm"),
    ("control-kinesis", "kinesis"),
    ("data-kinesis", "kinesis"),
    ("ddb", "dynamodb"),
    ("email", "ses"),
    ("forecastquery", "forecast"),
    ("git-codecommit", "codecommit"),
    ("lambda-url", "lambda"),
    ("marketplace", "aws-marketplace"),
    ("models-v2-lex", "lex"),
    ("personalize-events", "personalize"),
    ("personalize-runtime", "personalize"),
    ("pinpoint", "mobiletargeting"),
    ("runtime-v2-lex", "lex"),
    ("s3-accesspoint", "s3"),
    ("s3-control", "s3"),
    ("search-ddb", "dynamodb"),
    ("streaming-logs", "logs"),
    ("sync-states", "states"),
    ("transcribestreaming", "transcribe"),
];

/// Services with the region before their name.
const AFTER_REGION: [(&str, &str); 5] = [
    ("aoss", "aoss"),
    ("cloudsearch", "cloudsearch"),
    ("es", "es"),
    ("neptune", "neptune-db"),
    ("queue", "sqs"),
];

/// Services that the part before their name tells apart.
const BY_PART: [(&str, &str, &str); 4] = [
    ("data", "iotevents", "ioteventsdata"),
    ("jobs", "iot", "iot-jobs-data"),
    ("participant", "connect", "execute-api"),
    ("sms-voice", "pinpoint", "sms-voice"),
];

/// Services with a protocol that does not name operations: a method and a path say what is to be done.
const BY_PATH: [&str; 13] = [
    "aoss",
    "appsync",
    "bedrock",
    "es",
    "execute-api",
    "iotdata",
    "lambda",
    "route53",
    "s3",
    "s3-object-lambda",
    "s3-outposts",
    "s3express",
    // It has two protocols, and one of them does not name operations.
    "ses",
];

/// The service and the region of a host of AWS, as they are in signatures. `None` if its name does not say both.
pub fn service_and_region(host: &str) -> Option<(String, String)> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let name = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix)?.strip_suffix('.'))?;
    // The host of a VPC endpoint.
    let name = name.strip_suffix(".vpce").unwrap_or(name);
    let labels: Vec<&str> = name.split('.').collect();
    let (last, above) = labels.split_last()?;
    if is_region(last) {
        return Some((service(above)?, (*last).to_owned()));
    }
    let after = AFTER_REGION.iter().find(|(name, _)| name == last);
    if let Some(((_, service), region)) = after.zip(above.last().filter(|region| is_region(region))) {
        return Some(((*service).to_owned(), (*region).to_owned()));
    }
    // An older form of the name.
    if let Some(region) = last.strip_prefix("s3-").filter(|region| is_region(region)) {
        return Some(("s3".to_owned(), region.to_owned()));
    }
    let is_global = GLOBAL.contains(last) && (above.is_empty() || *last == "s3");
    is_global.then(|| ((*last).to_owned(), GLOBAL_REGION.to_owned()))
}

/// Whether the answers of a host are those of a service of AWS, and not of a customer's code behind such a name.
pub fn is_of_aws(host: &str) -> bool {
    let is_of_customer = |service: &str| {
        matches!(service, "elb" | "execute-api" | "s3-object-lambda") || service.starts_with("vpce-svc-")
    };
    let is_function = host.trim_end_matches('.').to_ascii_lowercase().ends_with(".on.aws");
    service_and_region(host).is_some_and(|(service, _)| !is_of_customer(&service)) && !is_function
}

/// Whether the region of a host is a part of its name.
pub(super) fn names_region(host: &str, region: &str) -> bool {
    host.split('.').any(|label| label == region || label.strip_prefix("s3-") == Some(region))
}

/// Whether requests to this host need a signature for several regions (SigV4A), which is not supported.
pub(super) fn needs_sigv4a(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host.ends_with(".s3-global.amazonaws.com") || host.ends_with(".endpoint.events.amazonaws.com")
}

/// Whether a request to this service says which operation it asks for.
pub(super) fn names_operations(service: &str) -> bool {
    !BY_PATH.contains(&service)
}

/// The service whose name is before the region.
fn service(labels: &[&str]) -> Option<String> {
    let labels = match labels.split_last() {
        Some((&("dualstack" | "fips"), labels)) => labels,
        Some(_) | None => labels,
    };
    let (last, above) = labels.split_last()?;
    let name = last.strip_suffix("-fips").or_else(|| last.strip_prefix("fips-")).unwrap_or(last);
    if name.starts_with("s3express-") {
        return Some("s3express".to_owned());
    }
    let part = above.last().copied();
    let by_part = BY_PART.iter().find(|(first, second, _)| Some(*first) == part && *second == name);
    let name = match by_part {
        Some((.., service)) => service,
        // The endpoints of an account, for its devices.
        None if name == "iot" && part.is_some() => "iotdata",
        None => SIGNING_NAMES.iter().find(|(known, _)| *known == name).map_or(name, |(_, service)| service),
    };
    (!name.is_empty()).then(|| name.to_owned())
}

/// Whether a label is the name of a region, such as `eu-west-1` or `us-gov-east-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let [area, between @ .., number] = &parts[..] else { return false };
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    (2..=4).contains(&area.len())
        && is_word(area)
        && (1..=2).contains(&between.len())
        && between.iter().all(is_word)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_says_service_and_region() {
        for (host, service, region) in [
            ("dynamodb.us-east-1.amazonaws.com", "dynamodb", "us-east-1"),
            ("DynamoDB.EU-West-1.amazonaws.com.", "dynamodb", "eu-west-1"),
            ("dynamodb-fips.us-gov-west-1.amazonaws.com", "dynamodb", "us-gov-west-1"),
            ("dynamodb.eu-west-1.api.aws", "dynamodb", "eu-west-1"),
            ("dynamodb-fips.us-east-2.api.aws", "dynamodb", "us-east-2"),
            ("123456789012.ddb.eu-west-1.amazonaws.com", "dynamodb", "eu-west-1"),
            ("123456789012.search-ddb.eu-west-1.amazonaws.com", "dynamodb", "eu-west-1"),
            ("streams.dynamodb.eu-west-1.amazonaws.com", "dynamodb", "eu-west-1"),
            ("dynamodb.cn-north-1.amazonaws.com.cn", "dynamodb", "cn-north-1"),
            ("dynamodb.cn-north-1.api.amazonwebservices.com.cn", "dynamodb", "cn-north-1"),
            ("sqs.eusc-de-east-1.amazonaws.eu", "sqs", "eusc-de-east-1"),
            ("s3.us-iso-east-1.c2s.ic.gov", "s3", "us-iso-east-1"),
            ("s3.eu-central-1.amazonaws.com", "s3", "eu-central-1"),
            ("bucket.s3.eu-central-1.amazonaws.com", "s3", "eu-central-1"),
            ("us-east-1.s3.eu-central-1.amazonaws.com", "s3", "eu-central-1"),
            ("a.b.s3.dualstack.eu-central-1.amazonaws.com", "s3", "eu-central-1"),
            ("bucket.s3-fips.us-east-1.amazonaws.com", "s3", "us-east-1"),
            ("bucket.s3-fips.dualstack.us-east-1.amazonaws.com", "s3", "us-east-1"),
            ("point-123456789012.s3-accesspoint.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
            ("b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com", "s3express", "us-east-1"),
            ("s3-eu-west-1.amazonaws.com", "s3", "eu-west-1"),
            ("bucket.s3-eu-west-1.amazonaws.com", "s3", "eu-west-1"),
            ("s3.amazonaws.com", "s3", "us-east-1"),
            ("bucket.s3.amazonaws.com", "s3", "us-east-1"),
            ("iam.amazonaws.com", "iam", "us-east-1"),
            ("sts.amazonaws.com", "sts", "us-east-1"),
            ("sts.eu-west-1.amazonaws.com", "sts", "eu-west-1"),
            ("route53.amazonaws.com", "route53", "us-east-1"),
            ("vpce-1a-2b.sqs.us-east-1.vpce.amazonaws.com", "sqs", "us-east-1"),
            ("b.bucket.vpce-1a-2b.s3.us-east-1.vpce.amazonaws.com", "s3", "us-east-1"),
            ("a1b2.execute-api.eu-west-1.amazonaws.com", "execute-api", "eu-west-1"),
            ("a1b2.lambda-url.eu-west-1.on.aws", "lambda", "eu-west-1"),
            ("a1b2.appsync-api.eu-west-1.amazonaws.com", "appsync", "eu-west-1"),
            ("search-x.eu-west-1.es.amazonaws.com", "es", "eu-west-1"),
            ("a1b2.eu-west-1.aoss.amazonaws.com", "aoss", "eu-west-1"),
            ("eu-west-1.queue.amazonaws.com", "sqs", "eu-west-1"),
            ("email.eu-west-1.amazonaws.com", "ses", "eu-west-1"),
            ("monitoring.eu-west-1.amazonaws.com", "monitoring", "eu-west-1"),
            ("entitlement.marketplace.us-east-1.amazonaws.com", "aws-marketplace", "us-east-1"),
            ("runtime.sagemaker.eu-west-1.amazonaws.com", "sagemaker", "eu-west-1"),
            ("bedrock-runtime.eu-west-1.amazonaws.com", "bedrock", "eu-west-1"),
            ("iot.eu-west-1.amazonaws.com", "iot", "eu-west-1"),
            ("data-ats.iot.eu-west-1.amazonaws.com", "iotdata", "eu-west-1"),
            ("a1b2-ats.iot.eu-west-1.amazonaws.com", "iotdata", "eu-west-1"),
            ("a1.jobs.iot.eu-west-1.amazonaws.com", "iot-jobs-data", "eu-west-1"),
            ("secretsmanager.ap-southeast-2.amazonaws.com", "secretsmanager", "ap-southeast-2"),
            ("something-new.mx-central-1.amazonaws.com", "something-new", "mx-central-1"),
        ] {
            let expected = (service.to_owned(), region.to_owned());
            assert_eq!(service_and_region(host), Some(expected), "{host}");
        }
    }

    #[test]
    fn other_hosts_say_nothing() {
        for host in [
            "",
            "amazonaws.com",
            "eu-west-1.amazonaws.com",
            "dynamodb.amazonaws.com",
            "evil.iam.amazonaws.com",
            "bucket.s3-accelerate.amazonaws.com",
            "alias.accesspoint.s3-global.amazonaws.com",
            "dynamodb.eu-west-1.amazonaws.com.evil.example",
            "dynamodb.eu-west-1.evilamazonaws.com",
            "dynamodb.us-east-1a.amazonaws.com",
            "api.example.com",
            "127.0.0.1",
        ] {
            assert_eq!(service_and_region(host), None, "{host}");
        }
        assert!(needs_sigv4a("alias.accesspoint.s3-global.amazonaws.com"));
        assert!(!needs_sigv4a("s3.eu-west-1.amazonaws.com"));
    }

    #[test]
    fn a_name_of_aws_with_a_customer_s_code_behind_it_is_not_of_aws() {
        for host in
            ["sts.amazonaws.com", "DynamoDB.eu-west-1.amazonaws.com.", "lambda.eu-west-1.amazonaws.com"]
        {
            assert!(is_of_aws(host), "{host}");
        }
        for host in [
            "a1b2.execute-api.eu-west-1.amazonaws.com",
            "vpce-1.execute-api.eu-west-1.vpce.amazonaws.com",
            "a1b2.lambda-url.eu-west-1.on.aws",
            "a1b2.lambda-url.eu-west-1.on.aws.",
            "vpce-1.vpce-svc-2.eu-west-1.vpce.amazonaws.com",
            "a1b2.elb.eu-west-1.amazonaws.com",
            "127.0.0.1",
            "example.com",
        ] {
            assert!(!is_of_aws(host), "{host}");
        }
    }

    #[test]
    fn a_region_is_named_or_not() {
        assert!(names_region("sqs.eu-west-1.amazonaws.com", "eu-west-1"));
        assert!(names_region("s3-eu-west-1.amazonaws.com", "eu-west-1"));
        assert!(!names_region("s3.amazonaws.com", "us-east-1"));
    }
}
