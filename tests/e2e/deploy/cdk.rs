//! `bulkhead init-deploy --tool cdk`: the app compiles, `cdk synth` takes it, cfn-lint has nothing to say of what becomes of
//! it, and the function is the one that was asked for.

use std::os::unix::fs::symlink;
use std::path::Path;

use bulkhead_tests::artifacts;
use serde_json::Value;

use crate::deploy::sam::lint;
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
const NETWORK: &str = r#"{"subnetIds":"subnet-0123456789abcdef0,subnet-0123456789abcdef1","securityGroupIds":"sg-0123456789abcdef0"}"#;

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
        let permissions = of_type(&template, "AWS::Lambda::Permission");
        assert_eq!(permissions.len(), if variant.name == "public" { 2 } else { 0 }, "{}", variant.name);
    }
    lint(&folder, &VARIANTS.iter().map(template).collect::<Vec<_>>(), &CDK_S_OWN);
    let cdk = tools.join("cdk/node_modules/.bin/cdk");
    let directory = folder.path().join("plain");
    std::fs::remove_dir_all(directory.join("cdk.out")).expect("remove what was made");
    judge(&directory, &cdk, &["synth", "--quiet", "--no-notices"], &ALONE);
    VARIANTS[0].check(&synthesized(&folder, &VARIANTS[0]));
}
