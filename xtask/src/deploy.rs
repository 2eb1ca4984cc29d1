//! The npm packages with which the output of `bulkhead init-deploy` is checked: CDK in the versions that its
//! app pins, and the schema of Terraform's AWS provider, from the classes of CDK Terrain's package.
//! (Terraform's own registry is not a package registry; docs/deploying.md lists what the tests do without
//! it.)

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha512};

use crate::fetched::Fetched;
use crate::steps::Step;
use crate::workspace::{Workspace, has, run};

/// The variable with which the tests find these packages.
pub(crate) const VARIABLE: &str = "BULKHEAD_DEPLOY";

/// The folder of the app with these dependencies.
const APP: &str = "cli/templates/deploy/cdk";

/// The package with the provider's schema, its digest, and the part of it that is used: unpacked, it has 480
/// MB.
const PROVIDER: &str = "@cdktn/provider-aws@25.7.0";
const PROVIDER_SHA512: &str = "13f9e1bb4c95644e265cc8083ee23cb4416dd411312e403b0118e285d1befc799f0dfccbafe384177764151bc8ea0951b77d25aeb05640bc17a82241c5c9b252";
const CLASSES: [&str; 36] = [
    "apigatewayv2-api",
    "apigatewayv2-integration",
    "apigatewayv2-route",
    "apigatewayv2-stage",
    "cloudwatch-dashboard",
    "cloudwatch-event-rule",
    "cloudwatch-event-target",
    "cloudwatch-log-group",
    "cloudwatch-log-metric-filter",
    "cloudwatch-metric-alarm",
    "data-aws-caller-identity",
    "data-aws-partition",
    "data-aws-region",
    "dynamodb-table",
    "iam-role",
    "iam-role-policy",
    "iam-role-policy-attachment",
    "kinesis-stream",
    "lambda-alias",
    "lambda-capacity-provider",
    "lambda-event-source-mapping",
    "lambda-function",
    "lambda-function-event-invoke-config",
    "lambda-function-url",
    "lambda-permission",
    "lb",
    "lb-listener",
    "lb-target-group",
    "lb-target-group-attachment",
    "s3-bucket",
    "s3-bucket-notification",
    "s3-bucket-public-access-block",
    "sns-topic",
    "sns-topic-subscription",
    "sqs-queue",
    "sqs-queue-policy",
];

/// Installs the packages.
pub(crate) const DEPLOY: Step = Step {
    name: "deploy",
    title: "installing CDK and the schema of Terraform's AWS provider",
    needs: &[],
    inputs: None,
    run: |workspace| {
        install(workspace)?
            .outcome("The tests of the CDK and Terraform output of `bulkhead init-deploy` will NOT run")
    },
};

/// The folder with all packages, if it is complete.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    Some(workspace.target("deploy")).filter(|_| stamp(workspace).is_file())
}

fn install(workspace: &Workspace) -> Result<Fetched> {
    let lock = workspace.source(APP).join("package-lock.json");
    let wanted = fs::read_to_string(lock).with_context(|| format!("reading the lock of {APP}"))?;
    let wanted = format!("{PROVIDER_SHA512} {CLASSES:?}\n{wanted}");
    if fs::read_to_string(stamp(workspace)).is_ok_and(|installed| installed == wanted) {
        println!("      already installed");
        return Ok(Fetched::Ready);
    }
    if !has("node") || !has("npm") {
        return Ok(Fetched::Impossible("node and npm are not installed (apt-get install nodejs npm)".into()));
    }
    let place = workspace.target("deploy");
    fs::remove_dir_all(&place).ok();
    cdk(&workspace.source(APP), &place.join("cdk"))?;
    provider(&place.join("provider"))?;
    fs::write(stamp(workspace), wanted).context("recording what was installed")?;
    Ok(Fetched::Ready)
}

/// Written when everything is installed.
fn stamp(workspace: &Workspace) -> PathBuf {
    workspace.target("deploy/installed.txt")
}

/// `npm ci` installs exactly what the lock file names, by digest. No package's own script is run.
fn cdk(app: &Path, place: &Path) -> Result<()> {
    fs::create_dir_all(place)?;
    for pin in ["package.json", "package-lock.json"] {
        fs::copy(app.join(pin), place.join(pin)).with_context(|| format!("copying {pin}"))?;
    }
    let mut npm = Command::new("npm");
    run(npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(place))
}

fn provider(place: &Path) -> Result<()> {
    fs::create_dir_all(place)?;
    let mut npm = Command::new("npm");
    run(npm.args(["pack", PROVIDER, "--silent", "--pack-destination"]).arg(place))?;
    let archive = place.join("cdktn-provider-aws-25.7.0.tgz");
    let bytes = fs::read(&archive).with_context(|| format!("npm did not create {}", archive.display()))?;
    ensure!(
        format!("{:x}", Sha512::digest(bytes)) == PROVIDER_SHA512,
        "{PROVIDER} does not have the pinned digest"
    );
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--gzip").arg("--file").arg(&archive).arg("--directory").arg(place);
    tar.arg("--strip-components=2");
    for class in CLASSES {
        tar.args(["index.js", "index.d.ts"].map(|file| format!("package/lib/{class}/{file}")));
    }
    run(&mut tar)?;
    Ok(fs::remove_file(archive)?)
}
