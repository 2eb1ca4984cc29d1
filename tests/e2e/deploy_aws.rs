//! The AWS CLI takes what `bulkhead package` makes, and CloudFormation what `bulkhead init-deploy` writes; moto stands in for
//! AWS. Nothing is invoked: moto would want containers for that.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bulkhead_tests::{Moto, TaskRoot, artifacts, moto::REGION};
use serde_json::{Value, json};

use crate::deploy_sam::transformed;
use crate::deployment::VARIANTS;
use crate::project::Folder;

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
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder.path());
        command.env("AWS_ENDPOINT_URL", self.moto.endpoint()).env("AWS_DEFAULT_REGION", REGION);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("AWS_PAGER", "");
        let output = command.arg("--output=json").output().expect("run the AWS CLI");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "aws {arguments:?}: {error}");
        if output.stdout.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("aws {arguments:?}: {error}"))
    }

    /// A zip with a component in it, as it goes to Lambda, and its digest as `sha256sum` and the CLI's own `fileb://` have it.
    fn package(&self, component: &str) -> (String, String) {
        let zip = format!("{component}.zip");
        let root = TaskRoot::new().with(component);
        let lean = artifacts::lean_bootstrap();
        let [root, lean] = [root.path(), &*lean].map(|path| path.to_str().expect("a path of text"));
        self.folder.bulkhead(&["package", root, "--bootstrap", lean, "-o", &zip]).succeeded();
        let digest = digest(&self.folder.path().join(&zip));
        (zip, digest)
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

#[test]
fn the_aws_cli_creates_a_function_of_the_zip_and_updates_it() {
    let Some(aws) = Aws::start() else { return };
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let role =
        aws.ask(&["iam", "create-role", "--role-name", "hello", "--assume-role-policy-document", trust]);
    let role = role["Role"]["Arn"].as_str().expect("a role");
    let (zip, first) = aws.package("hello");
    aws.ask(&[
        "lambda",
        "create-function",
        "--function-name",
        "hello",
        "--runtime",
        "provided.al2023",
        "--handler",
        "hello",
        "--architectures",
        "x86_64",
        "--role",
        role,
        "--logging-config",
        "LogFormat=JSON",
        "--memory-size",
        "256",
        "--timeout",
        "10",
        "--zip-file",
        &format!("fileb://{zip}"),
    ]);
    let function = aws.ask(&["lambda", "get-function", "--function-name", "hello"]);
    let configuration = &function["Configuration"];
    let size = std::fs::metadata(aws.folder.path().join(&zip)).expect("a zip").len();
    assert_eq!(
        [
            &configuration["CodeSha256"],
            &configuration["CodeSize"],
            &configuration["Runtime"],
            &configuration["Handler"]
        ],
        [&json!(first), &json!(size), &json!("provided.al2023"), &json!("hello")]
    );
    let (zip, second) = aws.package("echo");
    assert_ne!(first, second);
    aws.ask(&[
        "lambda",
        "update-function-code",
        "--function-name",
        "hello",
        "--zip-file",
        &format!("fileb://{zip}"),
    ]);
    let function = aws.ask(&["lambda", "get-function", "--function-name", "hello"]);
    assert_eq!(function["Configuration"]["CodeSha256"], second);
}

#[test]
fn cloudformation_makes_the_stack_and_its_function_has_the_zip() {
    let Some(aws) = Aws::start() else { return };
    let (zip, digest) = aws.package("hello");
    let [plain, ..] = &VARIANTS;
    plain.write(&aws.folder, "sam").succeeded();
    let Some(templates) = transformed(&aws.folder, &VARIANTS[..1]) else { return };
    aws.folder.write("stack.json", &templates[0].to_string());
    let place = format!("LocationConstraint={REGION}");
    aws.ask(&["s3api", "create-bucket", "--bucket", "uploads", "--create-bucket-configuration", &place]);
    aws.ask(&["s3api", "put-object", "--bucket", "uploads", "--key", "function.zip", "--body", &zip]);
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
    assert_eq!(stack["Stacks"][0]["Outputs"][0]["OutputValue"], function["FunctionArn"]);
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
