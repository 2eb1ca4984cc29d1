//! `cargo xtask demo`: builds the programs, and starts the demo, a program of the tests with its own Runtime
//! API server.

use std::process::Command;

use anyhow::Result;

use crate::bootstraps::{DEMO, DEMO_OF_RELEASE};
use crate::guests::{HELLO, TENANTS};
use crate::steps;
use crate::toolchain::TARGET;
use crate::workspace::{Profile, Workspace, run as call};

/// The options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many more events to send, each to a sandbox of its own
    #[arg(long, default_value_t = 1000)]
    events: usize,
    /// Show two tenants in one function instead, one of them hostile (examples/tenants)
    #[arg(long, conflicts_with = "events")]
    tenants: bool,
    /// Compile the bootstrap as it ships, which takes longer but runs faster
    #[arg(long)]
    release: bool,
}

/// The `demo` command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let guest = if options.tenants { TENANTS } else { HELLO };
    let (programs, profile) = match options.release {
        false => (DEMO, Profile::Dev),
        true => (DEMO_OF_RELEASE, Profile::Release),
    };
    steps::run(workspace, "demo", &[TARGET, guest, programs])?;
    let mut demo = Command::new(workspace.demo());
    demo.env("BULKHEAD_BOOTSTRAP", workspace.bootstrap(profile));
    demo.env("BULKHEAD_GUESTS", workspace.guests());
    match options.tenants {
        true => demo.arg("--tenants"),
        false => demo.args(["--events", &options.events.to_string()]),
    };
    call(&mut demo)?;
    if !options.release {
        println!(
            "\nThat bootstrap was compiled quickly. The one that ships is faster: cargo xtask demo --release"
        );
    }
    Ok(())
}
