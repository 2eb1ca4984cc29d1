//! When to stop: after SIGTERM (C11.12–C11.14), or after a bug that requires a new process.
//!
//! Lambda sends SIGTERM only if an extension is registered; see [`crate::runtime_api::extension`].

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether the process has to stop. All clones are notified, and the state never changes back.
#[derive(Debug, Clone)]
pub struct Stop {
    tell: Arc<watch::Sender<bool>>,
    told: watch::Receiver<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        let (tell, told) = watch::channel(false);
        Self { tell: Arc::new(tell), told }
    }
}

impl Stop {
    /// Starts to listen for SIGTERM.
    ///
    /// # Errors
    /// If the operating system does not allow this.
    pub fn listen() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let stop = Self::default();
        let told = stop.clone();
        tokio::spawn(async move {
            if terminate.recv().await.is_some() {
                told.request();
            }
        });
        Ok(stop)
    }

    /// Requests the process to stop.
    pub fn request(&self) {
        self.tell.send_replace(true);
    }

    /// Whether the process was asked to stop.
    pub fn is_requested(&self) -> bool {
        *self.told.borrow()
    }

    /// Resolves when the process is asked to stop.
    pub async fn requested(&mut self) {
        // This fails only without any sender, and `self` holds one.
        let _ = self.told.wait_for(|told| *told).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_hears_of_it_however_late_it_asks() {
        let stop = Stop::default();
        let mut asked_before = stop.clone();
        assert!(!stop.is_requested());
        let waiting = tokio::spawn(async move { asked_before.requested().await });
        stop.request();
        waiting.await.unwrap();
        let mut late = stop.clone();
        assert!(late.is_requested());
        late.requested().await;
        late.requested().await;
    }
}
