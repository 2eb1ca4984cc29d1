//! `bulkhead init-deploy`: what it writes for each deployment tool, judged by that tool itself.
//!
//! `variants` has the sets of options that every tool is tested with.
//!
//! May use: project.

mod terraform_schema;
mod variants;

mod aws;
mod cdk;
mod init_deploy;
mod sam;
mod terraform;
