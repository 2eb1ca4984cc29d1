//! What `bulkhead init-deploy` is asked for, what a function has to be then, and the tools that judge it.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::project::{Folder, Ran};

/// A set of options, and what they make of the function beyond [`base`].
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) options: &'static [&'static str],
    /// In CloudFormation's words; a value that is null must not be there.
    properties: fn() -> Value,
    /// What its role may do beyond writing its log.
    pub(crate) may: &'static [&'static str],
}

/// A capacity provider that is there already.
pub(crate) const PROVIDER: &str = "arn:aws:lambda:eu-central-1:123456789012:capacity-provider:steady";

/// A name that would be code, were it not escaped.
const ODD: &str = "it's_\"${path.root}%{if(true)}`\\#{x}";

/// The same as a variable of the environment.
const ODD_VARIABLE: &str = "MOTTO=on: it's\n\"${path.root}%{if(true)}`\\#{x} é";

/// Every option, and those together that meet in a template.
pub(crate) const VARIANTS: [Variant; 12] = [
    Variant { name: "plain", options: &[], properties: || json!({}), may: &[] },
    Variant {
        name: "settings",
        options: &[
            "--name",
            "shop_2",
            "--arch",
            "arm64",
            "--memory",
            "1024",
            "--timeout",
            "1m 30s",
            "--log-format",
            "text",
            "--log-retention",
            "365",
            "--env-var",
            "TABLE_NAME=notes",
            "--env-var",
            ODD_VARIABLE,
            "--tracing",
            "active",
        ],
        properties: || {
            json!({
                "FunctionName": "shop_2", "Architectures": ["arm64"], "MemorySize": 1024, "Timeout": 90,
                "LoggingConfig": { "LogFormat": "Text" }, "TracingConfig": { "Mode": "Active" },
                "Environment": { "Variables": { "TABLE_NAME": "notes", "MOTTO": ODD_VARIABLE[6..] } },
            })
        },
        may: &["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
    },
    Variant { name: "odd", options: &["--handler", ODD, "--name", "odd"], properties: odd, may: &[] },
    Variant { name: "url", options: &["--function-url", "iam"], properties: || json!({}), may: &[] },
    Variant {
        name: "public",
        options: &["--function-url", "public", "--invoke-mode", "response-stream"],
        properties: || json!({}),
        may: &[],
    },
    Variant {
        name: "tenants",
        options: &["--tenancy", "per-tenant"],
        properties: || json!({ "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" } }),
        may: &[],
    },
    Variant {
        name: "instances",
        options: &[
            "--managed-instances",
            "--max-concurrency",
            "8",
            "--max-vcpus",
            "16",
            "--function-url",
            "iam",
        ],
        properties: || managed(&json!({ "PerExecutionEnvironmentMaxConcurrency": 8 })),
        may: &[],
    },
    Variant {
        name: "provider",
        options: &[
            "--capacity-provider",
            PROVIDER,
            "--memory",
            "4096",
            "--source",
            "s3",
            "--source",
            "eventbridge",
        ],
        properties: || {
            let mut properties = managed(&json!({ "CapacityProviderArn": PROVIDER }));
            properties["MemorySize"] = json!(4096);
            properties
        },
        may: &["sqs:SendMessage"],
    },
    Variant {
        name: "queue",
        options: &["--source", "sqs", "--source", "s3", "--source", "eventbridge", "--tag", "team=shop a"],
        properties: || json!({}),
        may: &["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"],
    },
    Variant {
        name: "streams",
        options: &["--source", "kinesis", "--source", "dynamodb", "--vpc"],
        properties: || json!({}),
        may: &[
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
            "kinesis:DescribeStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:ListShards",
            "sqs:SendMessage",
        ],
    },
    Variant {
        name: "web",
        options: &["--source", "http-api", "--source", "alb", "--source", "url"],
        properties: || json!({}),
        may: &[],
    },
    Variant {
        name: "schedule",
        options: &["--source", "eventbridge", "--schedule", "rate(5 minutes)", "--no-alarms"],
        properties: || json!({}),
        may: &["sqs:SendMessage"],
    },
];

fn odd() -> Value {
    json!({ "FunctionName": "odd", "Handler": ODD })
}

fn managed(instances: &Value) -> Value {
    json!({
        "MemorySize": 2048, "PublishToLatestPublished": true,
        "CapacityProviderConfig": { "LambdaManagedInstancesCapacityProviderConfig": instances },
    })
}

/// What every function is, where nothing else is asked for.
fn base() -> Value {
    json!({
        "FunctionName": "hello", "Handler": "hello", "Runtime": "provided.al2023", "Architectures": ["x86_64"],
        "MemorySize": 256, "Timeout": 10, "LoggingConfig": { "LogFormat": "JSON" }, "TracingConfig": null,
        "Environment": null, "TenancyConfig": null, "CapacityProviderConfig": null, "PublishToLatestPublished": null,
    })
}

impl Variant {
    /// One that only a single test has.
    pub(crate) fn of(name: &'static str, options: &'static [&'static str]) -> Self {
        Self { name, options, ..VARIANTS[0] }
    }

    /// Has it written into a folder of its name.
    pub(crate) fn write(&self, folder: &Folder, tool: &str) -> Ran {
        let defaults = ["--handler", "hello", "--arch", "x86_64"];
        let defaults = defaults.chunks(2).filter(|default| !self.options.contains(&default[0])).flatten();
        let mut arguments = vec!["init-deploy", "--tool", tool, "-o", self.name];
        arguments.extend(defaults);
        arguments.extend(self.options);
        folder.bulkhead(&arguments)
    }

    /// The function in a template is the one that was asked for, and nothing more than that.
    pub(crate) fn check(&self, template: &Value) {
        let function = &of_type(template, "AWS::Lambda::Function")[0]["Properties"];
        let mut wanted = base();
        for (key, value) in (self.properties)().as_object().expect("an object") {
            wanted[key] = value.clone();
        }
        assert_within(function, &wanted, self.name);
        let statements = statements(template);
        assert_eq!(actions(&statements), self.actions(), "{}", self.name);
        for statement in statements.iter().filter(|statement| statement["Resource"] == "*") {
            let action = statement["Action"].to_string();
            assert!(action.contains("xray:") || action.contains("ec2:"), "{}: {statement}", self.name);
        }
    }

    /// Whether callers and sources call an alias.
    pub(crate) fn has_alias(&self) -> bool {
        !matches!(self.name, "instances" | "provider")
    }

    /// The alarms, sorted by name.
    pub(crate) fn alarms(&self) -> Vec<&'static str> {
        let mut alarms =
            vec!["Duration", "Errors", "FailedEvents", "Fatal", "SandboxUnavailable", "Throttles"];
        match self.name {
            "queue" => alarms.extend(["DeadLetters", "Failures"]),
            "provider" => alarms.push("Failures"),
            "streams" => alarms.extend(["Failures", "IteratorAge"]),
            "schedule" => alarms.clear(),
            _ => {}
        }
        alarms.sort_unstable();
        alarms
    }

    /// What the function's own role may do.
    pub(crate) fn actions(&self) -> Vec<String> {
        let log = ["logs:CreateLogStream", "logs:PutLogEvents"];
        let mut all: Vec<String> = log.iter().chain(self.may).map(ToString::to_string).collect();
        all.sort();
        all
    }
}

/// The resources of a type.
pub(crate) fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<&'a Value> {
    let resources = template["Resources"].as_object().expect("resources");
    resources.values().filter(|resource| resource["Type"] == kind).collect()
}

/// The statements of all policies of roles in a template.
fn statements(template: &Value) -> Vec<Value> {
    let roles = of_type(template, "AWS::IAM::Role");
    let inline =
        roles.iter().flat_map(|role| role["Properties"]["Policies"].as_array().into_iter().flatten());
    let policies = of_type(template, "AWS::IAM::Policy");
    let documents = inline.chain(policies.iter().map(|policy| &policy["Properties"]));
    let statements =
        documents.flat_map(|one| one["PolicyDocument"]["Statement"].as_array().expect("statements"));
    statements.cloned().collect()
}

/// All that statements allow, sorted.
fn actions(statements: &[Value]) -> Vec<String> {
    let mut actions: Vec<String> = statements
        .iter()
        .flat_map(|statement| {
            let action = &statement["Action"];
            action.as_array().cloned().unwrap_or_else(|| vec![action.clone()])
        })
        .map(|action| action.as_str().expect("an action").to_owned())
        .collect();
    actions.sort();
    actions
}

/// What is wanted is there, and what is wanted to be null is not.
fn assert_within(there: &Value, wanted: &Value, place: &str) {
    let Value::Object(wanted) = wanted else {
        assert_eq!(there, wanted, "{place}");
        return;
    };
    for (key, value) in wanted {
        assert_within(&there[key], value, &format!("{place}.{key}"));
    }
}

/// Runs a tool, which sees this folder, the programs of this machine and nothing else of it; it has to agree.
pub(crate) fn judge(
    folder: &Path,
    program: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder);
    let output = command.envs(environment.iter().copied()).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{} {arguments:?}: {}\n{}{}",
        program.display(),
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}
