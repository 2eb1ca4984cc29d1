//! An internal extension that registers for no events, so that Lambda sends SIGTERM (C11.13).

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request};

use super::connection::{Connection, ConnectionError};
use super::endpoint::Endpoint;

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
    let url = |path| format!("{}/2020-01-01/extension/{path}", endpoint.prefix);
    let request = |method: Method, path| {
        Request::builder().method(method).uri(url(path)).header(HOST, &endpoint.authority)
    };
    let refused = |error: hyper::http::Error| ExtensionError::Refused(error.to_string());
    let register = request(Method::POST, "register")
        .header("lambda-extension-name", NAME)
        .header(CONTENT_TYPE, "application/json")
        .body(Bytes::from_static(br#"{"events":[]}"#))
        .map_err(refused)?;
    let reply = connection.send(register).await?;
    let Some(identifier) = reply.headers.get(IDENTIFIER).filter(|_| reply.status.is_success()) else {
        return Err(ExtensionError::Refused(format!("{}: {}", reply.status, reply.reason())));
    };
    let next = request(Method::GET, "event/next")
        .header(IDENTIFIER, HeaderValue::clone(identifier))
        .body(Bytes::new())
        .map_err(refused)?;
    // Its answer, if it ever comes, does not matter.
    tokio::spawn(async move { connection.send(next).await });
    Ok(())
}
