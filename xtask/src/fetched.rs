//! The end of a step that fetches something from the network: either it is there, or there is a reason why
//! this machine cannot get it.

use std::env;
use std::path::PathBuf;

use anyhow::{Result, bail};
use sha2::{Digest as _, Sha256};

use crate::steps::Outcome;
use crate::workspace::in_ci;

/// The result of fetching.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// It is there.
    Ready,
    /// This machine cannot get it, for this reason.
    Impossible(String),
}

impl Fetched {
    /// In CI this is an error; elsewhere the step is skipped, and `loss` names the consequence.
    pub(crate) fn outcome(self, loss: &str) -> Result<Outcome> {
        match self {
            Self::Ready => Ok(Outcome::Done),
            Self::Impossible(reason) if in_ci() => bail!("{reason}"),
            Self::Impossible(reason) => Ok(Outcome::Skipped(format!("{reason}. {loss}"))),
        }
    }
}

/// Fetches it, unless a variable names the user's own copy.
pub(crate) fn unless_named(variable: &str, fetch: impl FnOnce() -> Result<Fetched>) -> Result<Fetched> {
    if env::var_os(variable).is_none() {
        return fetch();
    }
    println!("      using the file named by {variable}");
    Ok(Fetched::Ready)
}

/// The path in the variable, or else the fetched file.
pub(crate) fn named_or(variable: &str, fetched: Option<PathBuf>) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).or(fetched)
}

/// As `sha256sum` prints it.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
