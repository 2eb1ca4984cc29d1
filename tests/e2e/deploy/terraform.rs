//! `bulkhead init-deploy --tool terraform`: it is HCL, every argument is one that the AWS provider has, nothing that it wants is
//! missing, every expression has a value, and the function is the one that was asked for.
//!
//! Terraform's own `validate` needs the provider, which no package registry has. Where a `terraform` is, its `fmt` is asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_tests::artifacts;
use hcl::eval::{Context, Evaluate};
use hcl::{Block, Body, Value};
use serde_json::json;

use crate::deploy::sources;
use crate::deploy::terraform_functions::functions;
use crate::deploy::terraform_schema::{self, Schema};
use crate::deploy::variants::{VARIANTS, Variant};
use crate::project::Folder;

/// A module, as far as it can be known before it is applied.
struct Module {
    provider: PathBuf,
    body: Body,
    context: Context<'static>,
    /// Variables that the command line sets.
    given: Vec<(&'static str, Value)>,
}

impl Module {
    fn read(folder: &Path, provider: &Path) -> Self {
        Self::with(folder, provider, Vec::new())
    }

    fn with(folder: &Path, provider: &Path, given: Vec<(&'static str, Value)>) -> Self {
        let mut body = Body::builder();
        for file in
            ["main.tf", "tables.tf", "sources.tf", "alarms.tf", "variables.tf", "outputs.tf", "versions.tf"]
        {
            let text = match std::fs::read_to_string(folder.join(file)) {
                Err(_) if ["tables.tf", "sources.tf", "alarms.tf"].contains(&file) => continue,
                text => text.unwrap_or_else(|error| panic!("{file}: {error}")),
            };
            let parsed: Body = hcl::parse(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            body = body.add_structures(parsed);
        }
        let (provider, context) = (provider.to_owned(), functions());
        let mut module = Self { provider, body: body.build(), context, given };
        module.declare();
        module
    }

    fn blocks(&self, identifier: &str) -> impl Iterator<Item = &Block> {
        self.body.blocks().filter(move |block| block.identifier.as_str() == identifier)
    }

    fn schema(&self, block: &Block) -> Schema {
        let data = if block.identifier.as_str() == "data" { "data_" } else { "" };
        Schema::read(&self.provider, &format!("{data}{}", block.labels[0].as_str()))
    }

    /// Variables, and of each resource what can be read of it.
    fn declare(&mut self) {
        let mut variables = hcl::Map::new();
        for variable in self.blocks("variable") {
            let name = variable.labels[0].as_str();
            let given = self.given.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
            let default = || attribute(variable.body(), "default").map(|value| self.value(value));
            let asked = || Value::from(vec![Value::from("an id of the caller's")]);
            variables.insert(name.to_owned(), given.or_else(default).unwrap_or_else(asked));
        }
        let mut resources: BTreeMap<String, hcl::Map<String, Value>> = BTreeMap::new();
        let mut data: BTreeMap<String, Value> = BTreeMap::new();
        for block in self.blocks("resource").chain(self.blocks("data")) {
            let [kind, name] = [0, 1].map(|at| block.labels[at].as_str().to_owned());
            let read =
                |attribute: &String| (attribute.clone(), Value::from(format!("<{kind}.{name}.{attribute}>")));
            let attributes: hcl::Map<String, Value> =
                self.schema(block).attributes.iter().map(read).collect();
            if block.identifier.as_str() == "data" {
                let one: hcl::Map<String, Value> = [(name, Value::from(attributes))].into_iter().collect();
                data.insert(kind, Value::from(one));
            } else {
                resources.entry(kind).or_default().insert(name, Value::from(attributes));
            }
        }
        self.context.declare_var("var", Value::from(variables));
        for (kind, named) in resources {
            self.context.declare_var(kind.as_str(), Value::from(named));
        }
        self.context.declare_var("data", Value::from(data.into_iter().collect::<hcl::Map<_, _>>()));
        let all: Vec<_> =
            self.blocks("locals").flat_map(|block| block.body().attributes()).cloned().collect();
        let mut locals = hcl::Map::new();
        for local in all {
            locals.insert(local.key().to_owned(), self.value(local.expr()));
            // The next one may be made of this one.
            self.context.declare_var("local", Value::from(locals.clone()));
        }
    }

    /// What an expression comes to.
    fn value(&self, expression: &hcl::Expression) -> Value {
        self.evaluated(expression).unwrap_or_else(|mistake| panic!("{mistake}"))
    }

    /// The same; one that names what is not there comes to nothing.
    fn evaluated(&self, expression: &hcl::Expression) -> Result<Value, String> {
        expression.evaluate(&self.context).map_err(|error| format!("{expression:?}: {error}"))
    }

    /// Every block has what its schema wants, and nothing that it does not have; every expression has a value.
    fn check(&self) -> Result<(), String> {
        for block in self.blocks("resource").chain(self.blocks("data")) {
            let schema = self.schema(block);
            self.check_block(&schema, schema.root(), block.body(), block.labels[0].as_str())?;
        }
        let tags = self
            .blocks("provider")
            .flat_map(|block| block.body().blocks())
            .flat_map(|one| one.body().attributes());
        let outputs = self.blocks("output").flat_map(|block| block.body().attributes());
        tags.chain(outputs).try_for_each(|one| self.evaluated(one.expr()).map(drop))
    }

    fn check_block(
        &self,
        schema: &Schema,
        block: &terraform_schema::Block,
        body: &Body,
        place: &str,
    ) -> Result<(), String> {
        for attribute in body.attributes() {
            let key = attribute.key();
            self.evaluated(attribute.expr())?;
            let is_meta = ["depends_on", "count"].contains(&key);
            if !matches!(schema.entry(block, key), Some(None)) && !is_meta {
                return Err(format!("{place} has no argument {key}"));
            }
        }
        for inner in body.blocks() {
            let key = inner.identifier.as_str();
            let nested = schema.entry(block, key).flatten();
            let nested = nested.ok_or_else(|| format!("{place} has no block {key}"))?;
            self.check_block(schema, nested, inner.body(), &format!("{place}.{key}"))?;
        }
        let is_there = |name: &str| {
            attribute(body, name).is_some() || body.blocks().any(|inner| inner.identifier.as_str() == name)
        };
        match block.required.iter().find(|name| !is_there(name)) {
            Some(missing) => Err(format!("{place} lacks {missing}")),
            None => Ok(()),
        }
    }

    /// A resource's arguments with their values; of nested blocks, too.
    fn values(&self, body: &Body) -> serde_json::Value {
        let arguments = body.attributes().map(|one| {
            (one.key().to_owned(), serde_json::to_value(self.value(one.expr())).expect("a value"))
        });
        let nested = body.blocks().map(|one| (one.identifier.as_str().to_owned(), self.values(one.body())));
        serde_json::Value::Object(arguments.chain(nested).collect())
    }

    fn resource(&self, kind: &str) -> Option<serde_json::Value> {
        self.resources(kind).into_iter().next()
    }

    /// All of a kind that are created. Text that is a JSON object is read.
    fn resources(&self, kind: &str) -> Vec<serde_json::Value> {
        let of_kind = self.blocks("resource").filter(|block| block.labels[0].as_str() == kind);
        let values = of_kind.map(|block| self.values(block.body()));
        values
            .filter(|values| values.get("count") != Some(&json!(0)))
            .map(|mut values| {
                for value in values.as_object_mut().expect("arguments").values_mut() {
                    let read = value.as_str().filter(|text| text.trim_start().starts_with('{'));
                    if let Some(object) = read.and_then(|text| serde_json::from_str(text).ok()) {
                        *value = object;
                    }
                }
                values
            })
            .collect()
    }

    /// The function in CloudFormation's words, so that it is judged as those of the other tools are.
    fn template(&self) -> serde_json::Value {
        let function = self.resource("aws_lambda_function").expect("a function");
        let instances =
            &function["capacity_provider_config"]["lambda_managed_instances_capacity_provider_config"];
        let policy = self.resource("aws_iam_role_policy").expect("a policy");
        let policy = policy["policy"].clone();
        json!({ "Resources": {
            "Function": { "Type": "AWS::Lambda::Function", "Properties": {
                "FunctionName": function["function_name"], "Handler": function["handler"], "Runtime": function["runtime"],
                "Architectures": function["architectures"], "MemorySize": function["memory_size"],
                "Timeout": function["timeout"],
                "Environment": function["environment"].as_object().map(|one| json!({ "Variables": one["variables"] })),
                "LoggingConfig": { "LogFormat": function["logging_config"]["log_format"] },
                "TracingConfig": function["tracing_config"].as_object().map(|one| json!({ "Mode": one["mode"] })),
                "TenancyConfig": function["tenancy_config"].as_object()
                    .map(|one| json!({ "TenantIsolationMode": one["tenant_isolation_mode"] })),
                "CapacityProviderConfig": instances.as_object().map(|one| json!({
                    "LambdaManagedInstancesCapacityProviderConfig": {
                        "CapacityProviderArn": one["capacity_provider_arn"],
                        "PerExecutionEnvironmentMaxConcurrency": one.get("per_execution_environment_max_concurrency"),
                    },
                })),
                "PublishToLatestPublished": function.get("publish_to").map(|to| to == "LATEST_PUBLISHED"),
            } },
            "Policy": { "Type": "AWS::IAM::Policy", "Properties": { "PolicyDocument": policy } },
        } })
    }
}

fn attribute<'a>(body: &'a Body, name: &str) -> Option<&'a hcl::Expression> {
    body.attributes().find(|attribute| attribute.key() == name).map(hcl::Attribute::expr)
}

/// What Terraform's own formatter would change, if there is a Terraform.
fn formatted(folder: &Folder, variant: &Variant) {
    let mut terraform = Command::new("terraform");
    terraform.args(["fmt", "-check", "-diff"]).current_dir(folder.path().join(variant.name));
    let Ok(output) = terraform.output() else { return };
    assert!(output.status.success(), "{}: {}", variant.name, String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_module_is_what_the_provider_takes_and_the_function_that_was_asked_for() {
    let Some(tools) = artifacts::deploy() else { return };
    let folder = Folder::new();
    for variant in &VARIANTS {
        variant.write(&folder, "terraform").succeeded();
        let module = Module::read(&folder.path().join(variant.name), &tools.join("provider"));
        let class =
            std::fs::read_to_string(tools.join("provider/lambda-function/index.js")).expect("a class");
        assert!(
            class.contains("providerVersion: '6.66.") && folder.read("plain/versions.tf").contains("~> 6.66")
        );
        module.check().unwrap_or_else(|mistake| panic!("{}: {mistake}", variant.name));
        variant.check(&module.template());
        sources::check_module(variant, &|kind| module.resources(kind));
        watched(variant, &module);
        let url = module.resource("aws_lambda_function_url");
        let wanted = match variant.name {
            "url" | "instances" | "web" => json!(["AWS_IAM", "BUFFERED"]),
            "public" => json!(["NONE", "RESPONSE_STREAM"]),
            _ => json!(null),
        };
        let url = url.map_or(json!(null), |url| json!([url["authorization_type"], url["invoke_mode"]]));
        assert_eq!(url, wanted, "{}", variant.name);
        let provider = module.resource("aws_lambda_capacity_provider");
        assert_eq!(provider.is_some(), variant.name == "instances", "{}", variant.name);
        formatted(&folder, variant);
    }
}

#[test]
fn the_table_of_a_key_value_store_is_what_the_provider_takes() {
    let Some(tools) = artifacts::deploy() else { return };
    let folder = Folder::new();
    let stores = "[stores]\nvisits = { kind = 'dynamodb', table = 'tenant-visits' }\n[handlers.hello]\n";
    folder.write("bulkhead.toml", stores);
    folder.bulkhead(&["init-deploy", "--tool", "terraform", "-o", "stores"]).succeeded();
    let module = Module::read(&folder.path().join("stores"), &tools.join("provider"));
    module.check().expect("a module that the provider takes");
    let table = module.resource("aws_dynamodb_table").expect("a table");
    assert_eq!((&table["hash_key"], &table["range_key"]), (&json!("owner"), &json!("key")));
    let policy = module.template()["Resources"]["Policy"].to_string();
    assert!(policy.contains("<aws_dynamodb_table.store_tenantvisits.arn>"), "{policy}");
    formatted(&folder, &Variant::of("stores", &[]));
}

/// The alarms are there, they are told to the topic, and the dashboard is valid JSON.
fn watched(variant: &Variant, module: &Module) {
    let alarms = module.resources("aws_cloudwatch_metric_alarm");
    let mut names: Vec<&str> = alarms
        .iter()
        .map(|alarm| {
            assert_eq!(alarm["alarm_actions"], json!(["<aws_sns_topic.alarms.arn>"]), "{alarm}");
            alarm["alarm_name"].as_str().and_then(|name| name.rsplit_once('-')).expect("a name").1
        })
        .collect();
    names.sort_unstable();
    assert_eq!(names, variant.alarms(), "{}", variant.name);
    let dashboard = module.resource("aws_cloudwatch_dashboard");
    assert_eq!(dashboard.is_some(), !names.is_empty(), "{}", variant.name);
    let is_read = |dashboard: serde_json::Value| dashboard["dashboard_body"]["widgets"].is_array();
    assert!(dashboard.is_none_or(is_read), "{}: the dashboard is not JSON", variant.name);
}

/// Options with which every kind of resource that has a name of its own is created.
const STAGED: [&str; 14] = [
    "--env-var",
    "TABLE=notes",
    "--source",
    "sqs",
    "--source",
    "kinesis",
    "--source",
    "dynamodb",
    "--source",
    "eventbridge",
    "--source",
    "s3",
    "--source",
    "http-api",
];

#[test]
fn another_stage_has_names_of_its_own_and_the_alias_stays_behind_the_newest_version() {
    let Some(tools) = artifacts::deploy() else { return };
    let folder = Folder::new();
    let variant = Variant::of("staged", &STAGED);
    variant.write(&folder, "terraform").succeeded();
    let key = "arn:aws:kms:eu-central-1:123456789012:key/k";
    let given = vec![
        ("stage", Value::from("prod")),
        ("kms_key_arn", Value::from(key)),
        ("live_version", Value::from("6")),
        ("canary_weight", Value::from(0.1)),
        ("alarm_email", Value::from("call@example.com")),
    ];
    let module = Module::with(&folder.path().join("staged"), &tools.join("provider"), given);
    module.check().unwrap_or_else(|mistake| panic!("{mistake}"));
    for (kind, name) in [
        ("aws_lambda_function", "function_name"),
        ("aws_cloudwatch_log_group", "name"),
        ("aws_cloudwatch_metric_alarm", "alarm_name"),
        ("aws_cloudwatch_dashboard", "dashboard_name"),
        ("aws_sns_topic", "name"),
        ("aws_sqs_queue", "name"),
        ("aws_kinesis_stream", "name"),
        ("aws_dynamodb_table", "name"),
        ("aws_cloudwatch_event_rule", "name"),
        ("aws_s3_bucket", "bucket_prefix"),
        ("aws_apigatewayv2_api", "name"),
    ] {
        let all = module.resources(kind);
        assert!(!all.is_empty(), "{kind}");
        for resource in all {
            assert!(
                resource[name].as_str().is_some_and(|name| name.contains("hello-prod")),
                "{kind}: {resource}"
            );
        }
    }
    let policy = module.resource("aws_iam_role_policy").expect("a policy").to_string();
    assert!(
        policy.contains(&format!(r#""Action":"kms:Decrypt","Effect":"Allow","Resource":"{key}""#)),
        "{policy}"
    );
    assert_eq!(module.resources("aws_sns_topic_subscription").len(), 1);
    let alias = module.resource("aws_lambda_alias").expect("an alias");
    assert_eq!(alias["function_version"], "6");
    let weights = &alias["routing_config"]["additional_version_weights"];
    assert_eq!(weights, &json!({ "<aws_lambda_function.this.version>": 0.1 }));
    let plain = Module::read(&folder.path().join("staged"), &tools.join("provider"));
    let alias = plain.resource("aws_lambda_alias").expect("an alias");
    assert_eq!(alias["function_version"], "<aws_lambda_function.this.version>");
    assert_eq!(alias["routing_config"]["additional_version_weights"], json!({}));
}

#[test]
fn what_is_wrong_with_a_module_is_seen() {
    let Some(tools) = artifacts::deploy() else { return };
    let folder = Folder::new();
    VARIANTS[0].write(&folder, "terraform").succeeded();
    let main = folder.read("plain/main.tf");
    for (from, to, mistake) in [
        ("memory_size   = var.memory_size", "memory = 1", "aws_lambda_function has no argument memory"),
        ("log_format =", "format =", "aws_lambda_function.logging_config has no argument format"),
        ("logging_config {", "log_config {", "aws_lambda_function has no block log_config"),
        ("role          = aws_iam_role.this.arn", "", "aws_lambda_function lacks role"),
        ("aws_iam_role.this.arn", "aws_iam_role.nobody.arn", "nobody"),
        ("aws_iam_role.this.arn", "aws_iam_role.this.arm", "arm"),
    ] {
        assert!(main.contains(from), "{from}: {main}");
        folder.write("plain/main.tf", &main.replace(from, to));
        let found = Module::read(&folder.path().join("plain"), &tools.join("provider")).check();
        let found = found.expect_err(mistake);
        assert!(found.contains(mistake), "{mistake}: {found}");
    }
}
