//! How a step ends that brings something from the network: with it, or with the reason why it cannot be had here.

use std::env;
use std::path::PathBuf;

use anyhow::{Result, bail};
use sha2::{Digest as _, Sha256};

use crate::steps::Ending;
use crate::workspace::in_ci;

/// What became of it.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// It is here.
    Ready,
    /// This machine cannot have it, and why.
    Impossible(String),
}

impl Fetched {
    /// In CI nothing may be left out; elsewhere `loss` says what is.
    pub(crate) fn ending(self, loss: &str) -> Result<Ending> {
        match self {
            Self::Ready => Ok(Ending::Done),
            Self::Impossible(reason) if in_ci() => bail!("{reason}"),
            Self::Impossible(reason) => Ok(Ending::Skipped(format!("{reason}. {loss}"))),
        }
    }
}

/// Brings it, unless a variable names one of the user's own.
pub(crate) fn unless_named(variable: &str, fetch: impl FnOnce() -> Result<Fetched>) -> Result<Fetched> {
    if env::var_os(variable).is_none() {
        return fetch();
    }
    println!("      {variable} is set; using that one");
    Ok(Fetched::Ready)
}

/// What a variable names, or else what was fetched.
pub(crate) fn named_or(variable: &str, fetched: Option<PathBuf>) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).or(fetched)
}

/// As `sha256sum` prints it.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
