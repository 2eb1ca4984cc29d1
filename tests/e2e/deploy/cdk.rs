//! `bulkhead init-deploy --tool cdk`: the app compiles, `cdk synth` takes it, cfn-lint has nothing to say of what becomes of
//! it, and the function is the one that was asked for.

use std::os::unix::fs::symlink;
use std::path::Path;

use bulkhead_tests::artifacts;
use serde_json::Value;

use crate::deploy::sam::{alarms, lint};
use crate::deploy::sources;
use crate::deploy::variants::{VARIANTS, Variant, judge, of_type};
use crate::project::Folder;

/// No account is asked, and nobody is told.
const ALONE: [(&str, &str); 4] = [
    ("CI", "true"),
    ("CDK_DISABLE_CLI_TELEMETRY", "true"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_REGION", "eu-central-1"),
];

/// As `-c` says it.
const NETWORK: &str = r#"{"subnetIds":"subnet-0123456789abcdef0,subnet-0123456789abcdef1","securityGroupIds":"sg-0123456789abcdef0",
"balancerSubnetIds":"subnet-0123456789abcdef0,subnet-0123456789abcdef1","balancerSecurityGroupIds":"sg-0123456789abcdef0"}"#;

/// What CDK writes itself: a dependency on a role that a reference implies, and `Fn::Join`.
const CDK_S_OWN: [&str; 2] = ["W3005", "I1022"];

/// All apps, with what they depend on, compiled in one go.
fn compiled(tools: &Path) -> Folder {
    let folder = Folder::new();
    folder.write("function.zip", "the zip");
    let modules = tools.join("cdk/node_modules");
    symlink(&modules, folder.path().join("node_modules")).expect("link the modules");
    for variant in &VARIANTS {
        variant.write(&folder, "cdk").succeeded();
        symlink(&modules, folder.path().join(variant.name).join("node_modules")).expect("link the modules");
    }
    let stores = "stores = { a = { kind = 'dynamodb', table = 'visits' }, b = { kind = 'dynamodb', table = 'far', \
                  region = 'us-east-1' } }\nhandlers.hello = {}\n";
    folder.write("project/bulkhead.toml", stores);
    folder.bulkhead(&["init-deploy", "--tool", "cdk", "-o", "stores", "project"]).succeeded();
    symlink(&modules, folder.path().join("stores/node_modules")).expect("link the modules");
    folder.write(
        "tsconfig.json",
        r#"{ "extends": "./plain/tsconfig.json", "include": ["*/bin/*.ts", "*/lib/*.ts"] }"#,
    );
    judge(folder.path(), &modules.join(".bin/tsc"), &["--noEmit", "false"], &[]);
    folder
}

/// What `cdk synth` has an app do, for all of them: they share a process, since loading CDK takes longer than they do.
const SYNTHESIZE: &str = "for (const name of process.argv.slice(1)) {
  process.env.CDK_OUTDIR = `${name}/cdk.out`;
  require(`./${name}/bin/deploy.js`);
}";

fn synthesize(folder: &Folder) {
    let mut arguments = vec!["-e", SYNTHESIZE];
    arguments.extend(VARIANTS.iter().map(|variant| variant.name));
    judge(
        folder.path(),
        Path::new("node"),
        &arguments,
        &[&ALONE[..], &[("CDK_CONTEXT_JSON", NETWORK)]].concat(),
    );
}

fn synthesized(folder: &Folder, variant: &Variant) -> Value {
    serde_json::from_str(&folder.read(&template(variant))).expect("JSON")
}

fn template(variant: &Variant) -> String {
    let stack = match variant.name {
        "settings" => "shop-2",
        "odd" => "odd",
        _ => "hello",
    };
    format!("{}/cdk.out/{stack}.template.json", variant.name)
}

#[test]
fn every_app_becomes_the_function_that_was_asked_for() {
    let Some(tools) = artifacts::deploy() else { return };
    let folder = compiled(&tools);
    synthesize(&folder);
    for variant in &VARIANTS {
        let template = synthesized(&folder, variant);
        variant.check(&template);
        let providers = of_type(&template, "AWS::Lambda::CapacityProvider");
        assert_eq!(providers.len(), usize::from(variant.name == "instances"), "{}", variant.name);
        let permissions = of_type(&template, "AWS::Lambda::Permission").len();
        if !variant.options.contains(&"--source") {
            assert_eq!(permissions, if variant.name == "public" { 2 } else { 0 }, "{}", variant.name);
        }
        sources::check_template(variant, &template);
        assert_eq!(alarms(&template), variant.alarms(), "{}", variant.name);
        let aliases = of_type(&template, "AWS::Lambda::Alias");
        assert_eq!(aliases.len(), usize::from(variant.has_alias()), "{}", variant.name);
        for version in of_type(&template, "AWS::Lambda::Version") {
            assert_eq!(version["DeletionPolicy"], "Retain", "{}: nothing to go back to", variant.name);
        }
    }
    lint(&folder, &VARIANTS.iter().map(template).collect::<Vec<_>>(), &CDK_S_OWN);
    let cdk = tools.join("cdk/node_modules/.bin/cdk");
    let directory = folder.path().join("settings");
    let mut arguments = vec!["synth", "--quiet", "--no-notices"];
    for value in ["stage=prod", "deployment=Canary10Percent5Minutes", "alarmEmail=call@example.com", KEY] {
        arguments.extend(["-c", value]);
    }
    judge(&directory, &cdk, &arguments, &ALONE);
    staged(&serde_json::from_str(&folder.read("settings/cdk.out/shop-2-prod.template.json")).expect("JSON"));
}

/// A key for the variables, as `-c` says it.
const KEY: &str = "kmsKeyArn=arn:aws:kms:eu-central-1:123456789012:key/k";

/// Another stage has names of its own, a key, and a canary that alarms stop.
fn staged(template: &Value) {
    let of = |kind: &str| of_type(template, kind)[0]["Properties"].clone();
    let function = of("AWS::Lambda::Function");
    assert_eq!(function["FunctionName"], "shop_2-prod");
    assert_eq!(function["KmsKeyArn"], KEY[10..]);
    assert_eq!(of("AWS::Logs::LogGroup")["LogGroupName"], "/aws/lambda/shop_2-prod");
    assert_eq!(of("AWS::SNS::Subscription")["Endpoint"], "call@example.com");
    let policy = of("AWS::IAM::Policy").to_string();
    assert!(
        policy.contains(&format!(r#""Action":"kms:Decrypt","Effect":"Allow","Resource":"{}""#, &KEY[10..])),
        "{policy}"
    );
    let group = of("AWS::CodeDeploy::DeploymentGroup");
    assert_eq!(group["DeploymentConfigName"], "CodeDeployDefault.LambdaCanary10Percent5Minutes");
    assert_eq!(group["AlarmConfiguration"]["Alarms"].as_array().map(Vec::len), Some(2));
}
