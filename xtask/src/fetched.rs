//! How a step ends that brings something from the network: with it, or with the reason why it cannot be had here.

use anyhow::{Result, bail};

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
