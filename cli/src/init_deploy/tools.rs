//! The deployment tools, each with its files and the commands to run next.

use clap::ValueEnum;

use super::function::Function;
use super::render;

/// A deployment tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Tool {
    /// AWS SAM, or any other tool that accepts its templates
    Sam,
    /// Terraform or OpenTofu
    Terraform,
    /// AWS CDK, in TypeScript
    Cdk,
}

/// The path of a file, and its template.
pub(super) type File = (&'static str, &'static str);

macro_rules! file {
    ($folder:literal, $name:literal) => {
        ($name, include_str!(concat!("../../templates/deploy/", $folder, "/", $name)))
    };
}

// A file named `.gitignore` would apply to the folder `templates` itself.
const SAM: &[File] = &[
    file!("sam", "template.yaml"),
    file!("sam", "samconfig.toml"),
    (".gitignore", include_str!("../../templates/deploy/sam/gitignore")),
];
/// The templates that others include.
pub(super) const PARTS: &[File] = &[
    ("dashboard.json", include_str!("../../templates/deploy/dashboard.json")),
    file!("sam", "sources.yaml"),
    file!("sam", "stream-mapping.yaml"),
    file!("sam", "tables.yaml"),
    file!("sam", "alarms.yaml"),
    file!("terraform", "stream-mapping.tf"),
];

const TERRAFORM: &[File] = &[
    file!("terraform", "versions.tf"),
    file!("terraform", "variables.tf"),
    file!("terraform", "main.tf"),
    file!("terraform", "tables.tf"),
    file!("terraform", "sources.tf"),
    file!("terraform", "alarms.tf"),
    file!("terraform", "outputs.tf"),
    (".gitignore", include_str!("../../templates/deploy/terraform/gitignore")),
];
const CDK: &[File] = &[
    file!("cdk", "package.json"),
    file!("cdk", "package-lock.json"),
    file!("cdk", "tsconfig.json"),
    file!("cdk", "cdk.json"),
    file!("cdk", "bin/deploy.ts"),
    file!("cdk", "lib/function-stack.ts"),
    file!("cdk", "lib/sources.ts"),
    file!("cdk", "lib/alarms.ts"),
    (".gitignore", include_str!("../../templates/deploy/cdk/gitignore")),
];

impl Tool {
    /// The files of a tool: path and text. Those with nothing in them are left out.
    pub(super) fn files(self, function: &Function) -> anyhow::Result<Vec<(&'static str, String)>> {
        let files = match self {
            Self::Sam => SAM,
            Self::Terraform => TERRAFORM,
            Self::Cdk => CDK,
        };
        let filled =
            files.iter().map(|(name, template)| Ok((*name, render::filled(name, template, function)?)));
        filled.filter(|file| !file.as_ref().is_ok_and(|(_, text)| text.trim().is_empty())).collect()
    }

    /// The commands to run in the folder.
    pub(super) fn commands(self, function: &Function) -> &'static [&'static str] {
        match (self, function.needs_network()) {
            (Self::Sam, false) => &["sam deploy"],
            (Self::Sam, true) => {
                &["sam deploy --parameter-overrides SubnetIds=subnet-…,subnet-… SecurityGroupIds=sg-…"]
            }
            (Self::Terraform, false) => &["terraform init", "terraform apply"],
            (Self::Terraform, true) => &[
                "terraform init",
                "terraform apply -var 'subnet_ids=[\"subnet-…\"]' -var 'security_group_ids=[\"sg-…\"]'",
            ],
            (Self::Cdk, false) => &["npm ci", "npx cdk deploy"],
            (Self::Cdk, true) => {
                &["npm ci", "npx cdk deploy -c subnetIds=subnet-…,subnet-… -c securityGroupIds=sg-…"]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::init_deploy::function::tests::{function, plain};

    use super::*;

    #[test]
    fn every_template_is_filled_in_for_every_tool() {
        let least = function("", plain()).unwrap();
        let instances =
            function("--managed-instances --max-concurrency 8 --max-vcpus 16 --tracing active", plain())
                .unwrap();
        let url = function("--function-url public --invoke-mode response-stream", plain()).unwrap();
        let tenancy = function("--tenancy per-tenant", plain()).unwrap();
        for tool in [Tool::Sam, Tool::Terraform, Tool::Cdk] {
            for function in [&least, &instances, &url, &tenancy] {
                for (name, text) in tool.files(function).unwrap() {
                    assert!(!text.contains("{%") && !text.contains("{{"), "{name}: {text}");
                    assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{name}: {text:?}");
                    assert!(!text.contains("\n\n\n") && !text.contains(" \n"), "{name}: {text}");
                }
            }
        }
    }
}
