//! The flags that a user has cargo pass to rustc, as far as they concern the stack.
//!
//! They are left alone: flags of `bulkhead build` come after them and would win, so it adds none of its own
//! where they set the same.

use std::path::Path;

use anyhow::Context as _;
use cargo_config2::Config;

use super::target::WASM;

/// Whether the flags that cargo uses for handlers in this folder set the size of the stack: RUSTFLAGS, or
/// `rustflags` in its configuration.
pub(super) fn set_a_stack(folder: &Path) -> anyhow::Result<bool> {
    let config = Config::load_with_cwd(folder).context("cargo's configuration cannot be read")?;
    let flags = config.rustflags(WASM).context("the rustflags in cargo's configuration cannot be read")?;
    Ok(flags.is_some_and(|flags| flags.flags.iter().any(|flag| flag.contains("stack-size"))))
}
