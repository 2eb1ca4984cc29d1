//! The bodies of requests, read within their bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;

use super::budget::Charge;
use super::refusal::Refusal;

/// What is refused is read to this length all the same, and not kept: who is still writing does not read the answer.
const PATIENCE: usize = 64 * 1024 * 1024;

/// Nobody takes longer to send one.
const LONGEST: Duration = Duration::from_secs(60);

/// The whole body of a request, if it is no longer than this. It is charged for as it comes.
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
    // As long as it is said to be, so that what is charged is what is taken.
    let said = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let room = said.filter(|length| *length <= most).unwrap_or(0);
    let mut charged = charge.reach(room);
    let (mut whole, mut length) = (BytesMut::with_capacity(charged.as_ref().map_or(0, |()| room)), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::CutOff)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > PATIENCE {
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
