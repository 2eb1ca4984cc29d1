//! `bulkhead schema`: the JSON schema of `bulkhead.toml`.

use bulkhead_host::policy::manifest::SCHEMA;
use clap::Args;

use crate::output;

/// Print the JSON schema of bulkhead.toml, for editors.
///
/// Example: bulkhead schema > bulkhead.schema.json
#[derive(Debug, Args)]
pub(crate) struct Schema {}

impl Schema {
    #[expect(clippy::unused_self, reason = "as every command is run")]
    pub(crate) fn run(self) -> anyhow::Result<()> {
        Ok(output::print(format_args!("{}\n", SCHEMA.trim_end()))?)
    }
}
