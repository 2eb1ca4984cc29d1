//! Reads the bodies of requests within limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;

use super::budget::Charge;
use super::refusal::Refusal;

/// A rejected body is read up to this length and dropped, because a client that is still writing does not
/// read the response.
const MOST_DROPPED: usize = 64 * 1024 * 1024;

/// The longest time in which a body may arrive.
const LONGEST: Duration = Duration::from_secs(60);

/// Reads a body of at most this length. It is charged for as it arrives.
pub(in crate::dev) async fn read<B>(body: B, most: usize, charge: &mut Charge) -> Result<Bytes, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    tokio::time::timeout(LONGEST, whole(body, most, charge)).await.unwrap_or(Err(Refusal::CutOff))
}

async fn whole<B>(mut body: B, most: usize, charge: &mut Charge) -> Result<Bytes, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    // Exactly the length that was announced, so that the charge is the memory that is used.
    let said = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let room = said.filter(|length| *length <= most).unwrap_or(0);
    let mut charged = charge.reach(room);
    let (mut whole, mut length) = (BytesMut::with_capacity(charged.as_ref().map_or(0, |()| room)), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::CutOff)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > MOST_DROPPED {
            break;
        }
        if length <= most && charged.is_ok() {
            whole.extend_from_slice(&data);
            charged = charge.reach(whole.capacity());
        } else {
            whole = BytesMut::new();
        }
    }
    if length > most {
        return Err(Refusal::TooLarge(most));
    }
    charged.map(|()| whole.freeze())
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;
    use crate::dev::http::budget::Budget;
    use crate::dev::http::response;

    async fn of(length: usize, most: usize, budget: usize) -> Result<usize, Refusal> {
        let mut charge = Budget::new(budget).charge()?;
        let body = Full::new(Bytes::from(vec![0; length]));
        read(body, most, &mut charge).await.map(|whole| whole.len())
    }

    #[tokio::test]
    async fn a_body_is_read_to_its_limit_and_within_the_budget() {
        assert_eq!(of(100_000, 100_000, 100_000).await, Ok(100_000));
        assert_eq!(of(100_001, 100_000, 200_000).await, Err(Refusal::TooLarge(100_000)));
        assert_eq!(of(100_000, 100_000, 99_999).await, Err(Refusal::TooMany));
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_is_charged_for_all_that_it_takes() {
        let (sender, pieces) = tokio::sync::mpsc::channel(4);
        for _ in 0..3 {
            sender.send(Bytes::from(vec![0; 10_000])).await.unwrap();
        }
        drop(sender);
        let budget = Budget::new(25_000);
        let mut charge = budget.charge().unwrap();
        assert_eq!(read(response::pieces(pieces), 1_000_000, &mut charge).await, Err(Refusal::TooMany));
    }
}
