//! SnapStart: an environment is copied when init is over, and every copy goes on from there (R6.1–R6.9).
//!
//! What must not be the same in two copies is made after that point. No sandbox is made before it, guests have their
//! random bytes from the system, which is seeded anew in each copy, and the connection to the Runtime API is another
//! one, since the old one's peer is not there any more. No time is taken before it that is used after it (R6.7).

use crate::capabilities::random;
use crate::runtime_api::{ApiError, ErrorReport, RuntimeApi};

/// The copy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no copy, or nobody to ask.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The system has no random bytes, and a guest must not have another copy's.
    #[error("the system gives no random bytes after the restore: {0}")]
    Random(std::io::Error),
}

/// Has the snapshot taken, and makes the copy ready for its first event. Returns in the copy.
///
/// # Errors
/// When the copy must be replaced. The Runtime API has been told, as far as it can be.
pub async fn restore(api: &mut RuntimeApi) -> Result<(), RestoreError> {
    api.next_restore().await?;
    api.disconnect();
    api.connect().await;
    if let Err(error) = random::check() {
        let error = RestoreError::Random(error);
        // It ends either way, and the log says why.
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
