//! Timers and tasks of Tokio: three of them wait side by side, and one is too slow.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

async fn slow(milliseconds: u64) -> u64 {
    sleep(Duration::from_millis(milliseconds)).await;
    milliseconds
}

#[bulkhead::handler]
async fn handler(milliseconds: u64) -> Result<(u64, bool, bool), bulkhead::Error> {
    let begin = Instant::now();
    let spawned = tokio::spawn(slow(milliseconds));
    let (one, other, spawned) = tokio::join!(slow(milliseconds), slow(milliseconds), spawned);
    let elapsed = begin.elapsed();
    let side_by_side = (milliseconds..2 * milliseconds).contains(&u64::try_from(elapsed.as_millis())?);
    let too_slow = timeout(Duration::from_millis(1), slow(10_000)).await.is_err();
    Ok((one + other + spawned?, side_by_side, too_slow))
}

fn main() {}
