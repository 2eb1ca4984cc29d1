//! An internal extension that registers for no events, so that Lambda sends SIGTERM (C11.13).

use bytes::Bytes;

use super::connection::{Connection, ConnectionError};
use super::endpoint::Endpoint;
use super::request::Head;

/// The extension's name in Lambda's log.
const NAME: &str = "bulkhead-sigterm";
const IDENTIFIER: &str = "lambda-extension-identifier";

/// The extension was not registered; SIGTERM will not be delivered.
#[derive(Debug, thiserror::Error)]
pub enum ExtensionError {
    /// The Extensions API cannot be reached.
    #[error("POST /extension/register: no answer")]
    Connection(#[from] ConnectionError),
    /// It rejects the extension.
    #[error("POST /extension/register: {0}")]
    Refused(String),
}

/// Registers the extension, before the first `/next`, and polls for its events in the background: there are
/// none, but Lambda requires the poll.
///
/// # Errors
/// When the API cannot be reached or refuses.
pub async fn register(endpoint: &Endpoint) -> Result<(), ExtensionError> {
    let mut connection = Connection::new(endpoint.authority.clone());
    let request = |method, path| Head::new(method, endpoint, format_args!("/2020-01-01/extension/{path}"));
    let register = request("POST", "register")
        .with("lambda-extension-name", NAME)
        .with("content-type", "application/json")
        .with_body(Bytes::from_static(br#"{"events":[]}"#));
    let reply = connection.send(&register).await?;
    let Some(identifier) = reply.headers.value(IDENTIFIER).filter(|_| reply.status.is_success()) else {
        return Err(ExtensionError::Refused(format!("{}: {}", reply.status, reply.reason())));
    };
    let next = request("GET", "event/next").with_value(IDENTIFIER, &identifier).without_body();
    // Its answer, if it ever comes, does not matter.
    tokio::spawn(async move { connection.send(&next).await });
    Ok(())
}
