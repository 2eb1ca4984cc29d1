//! Tests of what only a release has: `cargo xtask test --release` runs them beside all others.
//!
//! May use: guests, project, sbom, stage, unzip.

mod arm64;
mod dist;
mod other_processor;
mod packages;
