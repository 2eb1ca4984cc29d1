//! SnapStart: an environment is copied after init, and every copy continues from there (R6.1–R6.9).
//!
//! Everything that must differ between two copies is created after that point. No sandbox is made before it,
//! guests get random bytes from the operating system, which is seeded again in each copy, and the connection
//! to the Runtime API is replaced, since the old one's peer no longer exists. No time that is used after it
//! is read before it (R6.7).

use crate::capabilities::random;
use crate::runtime_api::{ApiError, ErrorReport, RuntimeApi};

/// The copy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no snapshot, or the Runtime API cannot be reached.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The operating system returned no random bytes, and a guest must not get those of another copy.
    #[error("the operating system returned no random bytes after the restore: {0}")]
    Random(std::io::Error),
}

/// Requests the snapshot, and prepares the copy for its first event. Returns in the copy.
///
/// # Errors
/// If the copy must be replaced. The Runtime API was informed, as far as possible.
pub async fn restore(api: &mut RuntimeApi) -> Result<(), RestoreError> {
    api.next_restore().await?;
    api.disconnect();
    api.connect().await;
    if let Err(error) = random::check() {
        let error = RestoreError::Random(error);
        // The process ends either way, and the log contains the reason.
        drop(api.report_restore_error(&report(&error)).await);
        return Err(error);
    }
    Ok(())
}

fn report(error: &RestoreError) -> ErrorReport {
    ErrorReport::new("Runtime.AfterRestoreError", error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;
    use crate::runtime_api::Posted;

    /// As it goes over the wire.
    #[tokio::test]
    async fn r6_3_a_copy_that_cannot_be_used_is_reported() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut piece = [0; 1024];
                let read = stream.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..read]);
            }
            stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
            String::from_utf8(request).unwrap()
        });
        let mut api = RuntimeApi::new(address.parse().unwrap());
        let error = RestoreError::Random(std::io::Error::other("none"));
        assert_eq!(api.report_restore_error(&report(&error)).await.unwrap(), Posted::Accepted);
        let request = server.join().unwrap();
        assert!(request.starts_with("POST /2018-06-01/runtime/restore/error HTTP/1.1\r\n"), "{request}");
        assert!(
            request.contains("lambda-runtime-function-error-type: Runtime.AfterRestoreError"),
            "{request}"
        );
        assert!(request.contains(r#""errorType":"Runtime.AfterRestoreError""#), "{request}");
    }
}
