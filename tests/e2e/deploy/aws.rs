//! The AWS CLI takes what `bulkhead package` makes, and CloudFormation what `bulkhead init-deploy` writes; moto stands in for
//! AWS. Nothing is invoked: moto would want containers for that.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bulkhead_tests::{Moto, TaskRoot, artifacts, moto::REGION};
use serde_json::{Value, json};

use crate::deploy::sam::transformed;
use crate::deploy::variants::VARIANTS;
use crate::project::Folder;

/// As the guide calls it.
const ZIP: &str = "function.zip";

/// The CLI, and whom it speaks to.
struct Aws {
    moto: Moto,
    program: PathBuf,
    folder: Folder,
}

impl Aws {
    fn start() -> Option<Self> {
        let program = artifacts::beside_moto("aws")?;
        Some(Self { moto: Moto::start("bulkhead package")?, program, folder: Folder::new() })
    }

    /// What it answers; it must not fail.
    fn ask(&self, arguments: &[&str]) -> Value {
        let answer = self.run(Command::new(&self.program).args(arguments).arg("--output=json"));
        if answer.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("aws {arguments:?}: {error}"))
    }

    /// Runs commands as someone would who copies them; none may fail.
    fn shell(&self, commands: &str) {
        self.run(Command::new("sh").args(["-euc", commands]));
    }

    fn run(&self, command: &mut Command) -> String {
        command.current_dir(self.folder.path()).stdin(Stdio::null()).env_clear();
        let beside = self.program.parent().expect("a folder").to_path_buf();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([beside].into_iter().chain(std::env::split_paths(&path)));
        command.env("PATH", path.expect("a path")).env("HOME", self.folder.path());
        command.env("AWS_ENDPOINT_URL", self.moto.endpoint()).env("AWS_DEFAULT_REGION", REGION);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("AWS_PAGER", "");
        let output = command.output().expect("run the AWS CLI");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Makes a zip with a component in it, as it goes to Lambda, and gives its digest.
    fn package(&self, component: &str) -> String {
        let root = TaskRoot::new().with(component);
        let lean = artifacts::lean_bootstrap();
        let [root, lean] = [root.path(), &*lean].map(|path| path.to_str().expect("a path of text"));
        self.folder.bulkhead(&["package", root, "--bootstrap", lean, "-o", ZIP]).succeeded();
        digest(&self.folder.path().join(ZIP))
    }
}

/// In base64, as Lambda tells it.
fn digest(zip: &Path) -> String {
    use base64::Engine as _;
    let output = Command::new("sha256sum").arg(zip).output().expect("run sha256sum");
    let text = String::from_utf8(output.stdout).expect("text");
    let hex = text.split_whitespace().next().expect("a digest");
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    base64::engine::general_purpose::STANDARD.encode((0..hex.len()).step_by(2).map(byte).collect::<Vec<u8>>())
}

/// The commands that the guide has under a heading, a block each.
fn guide(heading: &str) -> Vec<String> {
    let guide = include_str!("../../../docs/deploying.md");
    let (_, section) = guide.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let section = section.split("\n## ").next().expect("a section");
    let blocks = section.split("```console\n").skip(1).map(|rest| rest.split("```").next().expect("an end"));
    blocks.map(|block| format!("\n{block}").replace("\n$ ", "\n")).collect()
}

#[test]
fn the_guide_s_commands_create_a_function_of_the_zip_and_update_it() {
    let Some(aws) = Aws::start() else { return };
    let guide = guide("By hand");
    let [create, update] = &guide[..] else { panic!("{guide:?}") };
    let first = aws.package("hello");
    aws.shell(create);
    let function = aws.ask(&["lambda", "get-function", "--function-name", "hello"]);
    let configuration = &function["Configuration"];
    let size = std::fs::metadata(aws.folder.path().join(ZIP)).expect("a zip").len();
    for (key, value) in [
        ("CodeSha256", json!(first)),
        ("CodeSize", json!(size)),
        ("Runtime", json!("provided.al2023")),
        ("Handler", json!("hello")),
        ("Architectures", json!(["x86_64"])),
        ("MemorySize", json!(256)),
    ] {
        assert_eq!(configuration[key], value, "{key}");
    }
    let second = aws.package("echo");
    assert_ne!(first, second);
    aws.shell(update);
    let function = aws.ask(&["lambda", "get-function", "--function-name", "hello"]);
    assert_eq!(function["Configuration"]["CodeSha256"], second);
}

#[test]
fn the_guide_s_command_moves_the_alias_back() {
    let Some(aws) = Aws::start() else { return };
    aws.package("hello");
    aws.shell(&guide("By hand")[0]);
    let named = ["--function-name", "hello"];
    let ask = |command: &str, rest: &[&str]| aws.ask(&[&["lambda", command], &named[..], rest].concat());
    let [old, new] = ["echo", "hello"].map(|component| {
        aws.package(component);
        ask("update-function-code", &["--zip-file", &format!("fileb://{ZIP}")]);
        ask("publish-version", &[])["Version"].as_str().expect("a version").to_owned()
    });
    let canary = format!("AdditionalVersionWeights={{{new}=0.1}}");
    ask("create-alias", &["--name", "live", "--function-version", &new, "--routing-config", &canary]);
    let back = guide("Versions, canary and rollback");
    aws.shell(back.last().expect("a command"));
    let alias = ask("get-alias", &["--name", "live"]);
    assert_eq!(alias["FunctionVersion"], old, "{alias}");
    assert!(
        alias["RoutingConfig"]["AdditionalVersionWeights"].as_object().is_none_or(serde_json::Map::is_empty),
        "{alias}"
    );
}

#[test]
fn cloudformation_makes_the_stack_and_its_function_has_the_zip() {
    let Some(aws) = Aws::start() else { return };
    let digest = aws.package("hello");
    let [plain, ..] = &VARIANTS;
    plain.write(&aws.folder, "sam").succeeded();
    let Some(templates) = transformed(&aws.folder, &VARIANTS[..1]) else { return };
    aws.folder.write("stack.json", &templates[0].to_string());
    let place = format!("LocationConstraint={REGION}");
    aws.ask(&["s3api", "create-bucket", "--bucket", "uploads", "--create-bucket-configuration", &place]);
    aws.ask(&["s3api", "put-object", "--bucket", "uploads", "--key", "function.zip", "--body", ZIP]);
    aws.ask(&[
        "cloudformation",
        "create-stack",
        "--stack-name",
        "hello",
        "--template-body",
        "file://stack.json",
        "--capabilities",
        "CAPABILITY_IAM",
    ]);
    let stack = aws.ask(&["cloudformation", "describe-stacks", "--stack-name", "hello"]);
    assert_eq!(stack["Stacks"][0]["StackStatus"], "CREATE_COMPLETE");
    let function = aws.ask(&["lambda", "get-function-configuration", "--function-name", "hello"]);
    let outputs = stack["Stacks"][0]["Outputs"].as_array().expect("outputs");
    assert!(outputs.iter().any(|output| output["OutputValue"] == function["FunctionArn"]), "{outputs:?}");
    for (key, value) in [
        ("CodeSha256", json!(digest)),
        ("Runtime", json!("provided.al2023")),
        ("Handler", json!("hello")),
        ("MemorySize", json!(256)),
        ("Timeout", json!(10)),
    ] {
        assert_eq!(function[key], value, "{key}");
    }
    let role = function["Role"].as_str().and_then(|role| role.rsplit_once('/')).expect("a role").1;
    let policy = aws.ask(&["iam", "get-role-policy", "--role-name", role, "--policy-name", "least"]);
    // moto tells it in Python's words, not in JSON.
    let policy = policy["PolicyDocument"].as_str().expect("a policy");
    assert!(policy.contains("'Action': ['logs:CreateLogStream', 'logs:PutLogEvents']"), "{policy}");
    let logs = aws.ask(&["logs", "describe-log-groups", "--log-group-name-prefix", "/aws/lambda/hello"]);
    assert_eq!(logs["logGroups"][0]["retentionInDays"], 30);
}
