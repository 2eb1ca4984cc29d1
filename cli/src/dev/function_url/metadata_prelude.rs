//! Reads the metadata before the body of a streamed HTTP response: JSON, followed by eight zero bytes (S7.5).

use bytes::{Bytes, BytesMut};
use hyper::Response;

use super::handler_response::ResponseParts;
use crate::local::events::{Piece, Stream};

const DELIMITER: [u8; 8] = [0; 8];

/// The longest prelude that is read, in bytes.
const LONGEST: usize = 1024 * 1024;

/// The head, and the start of the body if it was read with the head. `None` if the stream has no valid
/// prelude.
pub(super) async fn read(stream: &mut Stream) -> Option<(Response<()>, Bytes)> {
    let (mut read, mut looked) = (BytesMut::new(), 0);
    let end = loop {
        let unseen = read.get(looked..).unwrap_or_default();
        if let Some(end) = unseen.windows(DELIMITER.len()).position(|window| window == DELIMITER) {
            break looked + end;
        }
        // Bytes are not searched twice, however small the pieces are.
        looked = (read.len() + 1).saturating_sub(DELIMITER.len());
        match stream.next().await {
            Piece::Data(data) if read.len() < LONGEST => read.extend_from_slice(&data),
            Piece::Data(_) | Piece::Failed(_) | Piece::End => return None,
        }
    };
    let prelude = read.split_to(end);
    let parts = ResponseParts::read(str::from_utf8(&prelude).ok()?)?;
    let rest = read.split_off(DELIMITER.len());
    Some((parts.head()?, rest.freeze()))
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::channel;

    use super::*;

    async fn of(pieces: &[&'static str]) -> Option<(u16, Bytes)> {
        let (sender, receiver) = channel(8);
        for piece in pieces {
            sender.send(Piece::Data(Bytes::from_static(piece.as_bytes()))).await.unwrap();
        }
        drop(sender);
        let (response, rest) = read(&mut Stream { content_type: None, pieces: receiver }).await?;
        Some((response.status().as_u16(), rest))
    }

    #[tokio::test]
    async fn it_may_come_in_any_pieces() {
        let expected = Some((201, Bytes::from_static(b"body")));
        assert_eq!(of(&["{\"statusCode\":201}\0\0\0\0\0\0\0\0body"]).await, expected);
        assert_eq!(of(&["{\"status", "Code\":201}\0\0\0", "\0\0\0\0\0", "body"]).await.unwrap().0, 201);
        assert_eq!(of(&["{\"statusCode\":201}\0\0\0\0\0\0\0"]).await, None);
        assert_eq!(of(&["[]\0\0\0\0\0\0\0\0"]).await, None);
    }

    #[tokio::test]
    async fn a_long_one_in_small_pieces_is_found_and_one_without_an_end_is_not_waited_for() {
        let (sender, receiver) = channel(1);
        let reading = tokio::spawn(async move {
            let mut stream = Stream { content_type: None, pieces: receiver };
            read(&mut stream).await.map(|(response, rest)| (response.status().as_u16(), rest))
        });
        let long = format!("{{\"a\":\"{}\",\"statusCode\":201}}\0\0\0\0\0\0\0\0", "x".repeat(200_000));
        for byte in long.into_bytes() {
            sender.send(Piece::Data(Bytes::from(vec![byte]))).await.unwrap();
        }
        assert_eq!(reading.await.unwrap(), Some((201, Bytes::from_static(b""))));
        let (sender, receiver) = channel(1);
        let reading = tokio::spawn(async move {
            read(&mut Stream { content_type: None, pieces: receiver }).await.is_none()
        });
        while sender.send(Piece::Data(Bytes::from(vec![b'x'; 64 * 1024]))).await.is_ok() {}
        assert!(reading.await.unwrap());
    }
}
