//! Makes sandboxes for what runs without a function around it.

use std::path::Path;
use std::sync::Arc;

use crate::capabilities::files::{GrantError, Granted};
use crate::capabilities::key_value::Stores;
use crate::capabilities::outbound::{Clients, OutboundError};
use crate::log::Log;
use crate::sandbox::{FunctionSettings, Sandboxes};

/// Why no sandbox can be made.
#[derive(Debug, thiserror::Error)]
pub enum NoSandboxes {
    /// Their requests cannot be sent.
    #[error(transparent)]
    Clients(#[from] OutboundError),
    /// The working directory cannot be opened.
    #[error(transparent)]
    Files(#[from] GrantError),
}

/// Sandboxes without a function, which see this name of one.
pub(super) fn sandboxes(name: &str, log: Arc<Log>) -> Result<Sandboxes, NoSandboxes> {
    let function = FunctionSettings {
        name: name.to_owned(),
        version: "$LATEST".to_owned(),
        log_group: format!("/aws/lambda/{name}"),
        log_stream: "local".to_owned(),
        memory_mb: 128,
    };
    Ok(Sandboxes {
        function,
        // There is no Runtime API to keep requests away from; the address only has to be valid.
        clients: Clients::new(Arc::clone(&log), "127.0.0.1:9001", &[])?,
        directories: Granted::open(Path::new("."), std::iter::empty())?,
        stores: Arc::new(Stores::none(Arc::clone(&log))),
        pool_usage: Arc::default(),
        log,
    })
}
