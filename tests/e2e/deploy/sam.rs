//! `bulkhead init-deploy --tool sam`: AWS's own translator takes the template, cfn-lint has nothing to say of it nor of what
//! becomes of it, and the function is the one that was asked for.

use std::path::Path;

use bulkhead_tests::artifacts;
use serde_json::Value;

use crate::deploy::resolved::resolved;
use crate::deploy::sources;
use crate::deploy::variants::{VARIANTS, Variant, judge, of_type};
use crate::project::Folder;

/// What CloudFormation would have, for each of the variants.
pub(crate) fn transformed(folder: &Folder, variants: &[Variant]) -> Option<Vec<Value>> {
    let python = artifacts::beside_moto("python")?;
    let templates: Vec<String> =
        variants.iter().map(|variant| format!("{}/template.yaml", variant.name)).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("sam_transform.py");
    let mut arguments = vec![script.to_str().expect("a path of text")];
    arguments.extend(templates.iter().map(String::as_str));
    judge(folder.path(), &python, &arguments, &[("AWS_DEFAULT_REGION", "eu-central-1")]);
    let read =
        |template: &String| serde_json::from_str(&folder.read(&format!("{template}.json"))).expect("JSON");
    Some(templates.iter().map(read).collect())
}

/// cfn-lint finds nothing, not even something to mention, but for the rules that do not count.
pub(crate) fn lint(folder: &Folder, files: &[String], but: &[&str]) {
    let Some(program) = artifacts::beside_moto("cfn-lint") else { return };
    let mut arguments = vec!["--non-zero-exit-code", "informational", "--include-checks", "I"];
    if !but.is_empty() {
        arguments.push("--ignore-checks");
        arguments.extend(but);
    }
    arguments.push("--");
    arguments.extend(files.iter().map(String::as_str));
    judge(folder.path(), &program, &arguments, &[]);
}

#[test]
fn every_template_becomes_the_function_that_was_asked_for() {
    let folder = Folder::new();
    for variant in &VARIANTS {
        variant.write(&folder, "sam").succeeded();
    }
    let Some(templates) = transformed(&folder, &VARIANTS) else { return };
    for (variant, template) in VARIANTS.iter().zip(&templates) {
        let template = &resolved(template, &[]);
        variant.check(template);
        sources::check_template(variant, template);
        assert_eq!(alarms(template), variant.alarms(), "{}", variant.name);
        assert_eq!(aliases(template), usize::from(variant.has_alias()), "{}", variant.name);
        let providers = of_type(template, "AWS::Lambda::CapacityProvider");
        assert_eq!(providers.len(), usize::from(variant.name == "instances"), "{}", variant.name);
        let urls = of_type(template, "AWS::Lambda::Url");
        let has_url = ["--function-url", "url"].iter().any(|word| variant.options.contains(word));
        assert_eq!(urls.len(), usize::from(has_url), "{}", variant.name);
        let permissions = of_type(template, "AWS::Lambda::Permission").len();
        if !variant.options.contains(&"--source") {
            assert_eq!(permissions, if variant.name == "public" { 2 } else { 0 }, "{}", variant.name);
        }
    }
    let names: Vec<String> =
        VARIANTS.iter().map(|variant| format!("{}/template.yaml", variant.name)).collect();
    let translated: Vec<String> = names.iter().map(|name| format!("{name}.json")).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| lint(&folder, &names, &[]));
        // The translator puts the value of `Deployment` in place.
        lint(&folder, &translated, &["W2001"]);
    });
}

/// The alarms of a template, sorted by name. Each is sent to the topic, and the dashboard is valid JSON.
pub(crate) fn alarms(template: &Value) -> Vec<String> {
    let resources = template["Resources"].as_object().expect("resources").iter();
    let alarms = resources.filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let mut names: Vec<String> = alarms
        .map(|(name, alarm)| {
            let [alarmed, over] =
                ["AlarmActions", "OKActions"].map(|key| &alarm["Properties"][key][0]["Ref"]);
            assert!(
                alarmed == over && alarmed.as_str().is_some_and(|topic| topic.starts_with("Alarms")),
                "{alarm}"
            );
            name.split_once("Alarm").expect("a name").0.to_owned()
        })
        .collect();
    names.sort();
    names
}

fn aliases(template: &Value) -> usize {
    let aliases = of_type(template, "AWS::Lambda::Alias");
    let groups = of_type(template, "AWS::CodeDeploy::DeploymentGroup");
    assert_eq!(aliases.len(), groups.len(), "what moves the alias");
    aliases.iter().filter(|alias| alias["Properties"]["Name"] == "live").count()
}

/// What names a resource, of each kind that has a name of its own.
const NAMES: [(&str, &str, &str); 4] = [
    ("AWS::Lambda::Function", "FunctionName", "hello-prod"),
    ("AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/hello-prod"),
    ("AWS::S3::Bucket", "BucketName", "hello-prod-"),
    ("AWS::Lambda::Permission", "SourceArn", "hello-prod-"),
];

#[test]
fn another_stage_has_names_of_its_own_and_a_canary_that_alarms_stop() {
    let folder = Folder::new();
    let variant =
        Variant::of("staged", &["--source", "s3", "--env-var", "TABLE=notes", "--tag", "team=shop"]);
    variant.write(&folder, "sam").succeeded();
    let Some(templates) = transformed(&folder, &[variant]) else { return };
    let key = "arn:aws:kms:eu-central-1:123456789012:key/k";
    let given = [("Stage", "prod"), ("KmsKeyArn", key), ("AlarmEmail", "call@example.com")];
    let template = resolved(&templates[0], &given);
    for (kind, name, wanted) in NAMES {
        let found = of_type(&template, kind)[0]["Properties"][name].to_string();
        assert!(found.contains(wanted), "{kind}: {found}");
    }
    let function = of_type(&template, "AWS::Lambda::Function")[0];
    assert_eq!(function["Properties"]["KmsKeyArn"], key);
    let policy = template["Resources"]["Role"].to_string();
    assert!(
        policy.contains(&format!(r#""Action":"kms:Decrypt","Effect":"Allow","Resource":"{key}""#)),
        "{policy}"
    );
    assert_eq!(of_type(&template, "AWS::SNS::Subscription").len(), 1);
    assert_eq!(of_type(&resolved(&templates[0], &[]), "AWS::SNS::Subscription").len(), 0);
    let group = &of_type(&template, "AWS::CodeDeploy::DeploymentGroup")[0]["Properties"];
    let alarms = [0, 1].map(|at| group["AlarmConfiguration"]["Alarms"][at]["Name"]["Ref"].clone());
    assert_eq!(alarms, ["ErrorsAlarm", "FatalAlarm"]);
    let config = folder.read("staged/samconfig.toml");
    for line in [
        "[prod.deploy.parameters]\nstack_name = \"hello-prod\"",
        "parameter_overrides = \"Stage=prod Deployment=Canary10Percent5Minutes\"",
        r#"tags = ["team=\"shop\""]"#,
    ] {
        assert!(config.contains(line), "{line}: {config}");
    }
}

#[test]
fn what_is_wrong_with_a_template_is_seen() {
    let Some(program) = artifacts::beside_moto("cfn-lint") else { return };
    let folder = Folder::new();
    VARIANTS[0].write(&folder, "sam").succeeded();
    let template = folder.read("plain/template.yaml").replace("MemorySize: 256", "MemorySize: 64");
    folder.write("plain/template.yaml", &template);
    let output = std::process::Command::new(program).arg(folder.path().join("plain/template.yaml")).output();
    let output = output.expect("run cfn-lint");
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stdout).contains("64 is less than"));
}
