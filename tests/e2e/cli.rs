//! The command `bulkhead`, on real projects, task roots, logs and terminals: what it prints, what it writes, and its exit codes.
//!
//! `dev` is here as clients of its HTTP API see it; its page is in `page`, and `init-deploy` is in `deploy`.
//!
//! May use: project, sbom, stage, store, unzip.

mod build;
mod command;
mod completions;
mod container;
mod dev;
mod doctor;
mod invoke;
mod journey;
mod new;
mod package;
mod sbom;
mod script_tests;
mod scripts;
mod slips;
mod templates;
mod tenants;
mod terminal;
mod typescript;
