//! When to stop: SIGTERM (C11.12–C11.14).
//!
//! Lambda sends it only where an extension is registered; see [`crate::runtime_api::extension`].

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for SIGTERM.
#[derive(Debug)]
pub struct Stop(Signal);

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let the process listen.
    pub fn listen() -> std::io::Result<Self> {
        signal(SignalKind::terminate()).map(Self)
    }

    /// Resolves when the process is told to stop.
    pub async fn requested(&mut self) {
        self.0.recv().await;
    }
}
