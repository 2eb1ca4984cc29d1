//! `bulkhead init-deploy`: what it writes for each deployment tool, judged by that tool itself.
//!
//! `variants` has the sets of options that every tool is tested with, `sources` what each source has to be.
//!
//! May use: project, stage.

mod emulated;
mod resolved;
mod sources;
mod terraform_functions;
mod terraform_schema;
mod variants;

mod aws;
mod cdk;
mod events;
mod init_deploy;
mod sam;
mod terraform;
