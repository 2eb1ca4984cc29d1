//! Output streams that enforce their `check-write`: a guest that writes more in one call is stopped.
//!
//! Wasmtime passes all bytes that a guest writes to the stream, however many, and leaves it to the stream to
//! enforce its own `check-write`. Every stream of ours that a guest writes to is wrapped in this.

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// A stream that rejects more bytes in one call than it permits.
///
/// A guest that did not call `check-write` may write as much as that would have returned, as with Wasmtime's
/// own streams.
#[derive(Debug)]
pub struct CheckedWrites<S>(pub S);

#[async_trait]
impl<S: Pollable> Pollable for CheckedWrites<S> {
    async fn ready(&mut self) {
        self.0.ready().await;
    }
}

impl<S: OutputStream> OutputStream for CheckedWrites<S> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let permit = self.0.check_write()?;
        if bytes.len() > permit {
            return Err(StreamError::Trap(wasmtime::format_err!(
                "the handler wrote {} bytes in one call, but `check-write` permitted {permit}",
                bytes.len()
            )));
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.0.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.0.check_write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Permits so much, and counts what it gets.
    struct Counted {
        permit: StreamResult<usize>,
        written: usize,
    }

    #[async_trait]
    impl Pollable for Counted {
        async fn ready(&mut self) {}
    }

    impl OutputStream for Counted {
        fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
            self.written += bytes.len();
            Ok(())
        }

        fn flush(&mut self) -> StreamResult<()> {
            Ok(())
        }

        fn check_write(&mut self) -> StreamResult<usize> {
            match &self.permit {
                Ok(permit) => Ok(*permit),
                Err(_) => Err(StreamError::Closed),
            }
        }
    }

    fn permitting(permit: StreamResult<usize>) -> CheckedWrites<Counted> {
        CheckedWrites(Counted { permit, written: 0 })
    }

    #[test]
    fn more_than_is_permitted_is_a_trap_and_is_not_taken() {
        let mut stream = permitting(Ok(4));
        stream.write(Bytes::from_static(b"four")).unwrap();
        let Err(StreamError::Trap(error)) = stream.write(Bytes::from_static(b"fives")) else {
            panic!("it took more than it permits")
        };
        let text = error.to_string();
        assert_eq!(text, "the handler wrote 5 bytes in one call, but `check-write` permitted 4");
        assert!(matches!(stream.write_zeroes(5), Err(StreamError::Trap(_))));
        stream.write_zeroes(3).unwrap();
        assert_eq!((stream.check_write().unwrap(), stream.0.written), (4, 7));
    }

    #[test]
    fn where_nothing_is_permitted_nothing_may_be_written() {
        let mut stream = permitting(Ok(0));
        assert!(matches!(stream.write(Bytes::from_static(b"x")), Err(StreamError::Trap(_))));
        let mut closed = permitting(Err(StreamError::Closed));
        assert!(matches!(closed.write(Bytes::from_static(b"x")), Err(StreamError::Closed)));
    }

    #[tokio::test]
    async fn a_blocking_write_is_cut_into_what_is_permitted() {
        let mut stream = permitting(Ok(3));
        stream.blocking_write_and_flush(Bytes::from_static(b"ten bytes!")).await.unwrap();
        assert_eq!(stream.0.written, 10);
    }
}
