//! `bulkhead init-deploy --tool sam`: AWS's own translator takes the template, cfn-lint has nothing to say of it nor of what
//! becomes of it, and the function is the one that was asked for.

use std::path::Path;

use bulkhead_tests::artifacts;
use serde_json::Value;

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
        variant.check(template);
        let providers = of_type(template, "AWS::Lambda::CapacityProvider");
        assert_eq!(providers.len(), usize::from(variant.name == "instances"), "{}", variant.name);
        let urls = of_type(template, "AWS::Lambda::Url");
        assert_eq!(urls.len(), usize::from(variant.options.contains(&"--function-url")), "{}", variant.name);
        let permissions = of_type(template, "AWS::Lambda::Permission");
        assert_eq!(permissions.len(), if variant.name == "public" { 2 } else { 0 }, "{}", variant.name);
    }
    let names = VARIANTS.iter().map(|variant| format!("{}/template.yaml", variant.name));
    lint(&folder, &names.flat_map(|name| [format!("{name}.json"), name]).collect::<Vec<_>>(), &[]);
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
