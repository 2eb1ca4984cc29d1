//! What comes before the body of a streamed HTTP response: JSON, and eight zeroes behind it (S7.5).

use bytes::{Bytes, BytesMut};
use hyper::Response;
use serde_json::{Map, Value};

use super::response;
use crate::local::events::{Piece, Stream};

const DELIMITER: [u8; 8] = [0; 8];

/// The longest that is waited for.
const LONGEST: usize = 1024 * 1024;

/// The head, and what came of the body with it; none where the stream is something else.
pub(super) async fn read(stream: &mut Stream) -> Option<(Response<()>, Bytes)> {
    let mut read = BytesMut::new();
    let end = loop {
        if let Some(end) = read.windows(DELIMITER.len()).position(|window| window == DELIMITER) {
            break end;
        }
        match stream.next().await {
            Piece::Data(data) if read.len() < LONGEST => read.extend_from_slice(&data),
            Piece::Data(_) | Piece::Failed(_) | Piece::End => return None,
        }
    };
    let prelude = read.split_to(end);
    let told: Map<String, Value> = serde_json::from_slice(&prelude).ok()?;
    let rest = read.split_off(DELIMITER.len());
    Some((response::head(&told)?, rest.freeze()))
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
}
