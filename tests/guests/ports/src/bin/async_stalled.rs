//! Waits for what nobody sends, unless the event is `"ping"`.

use bulkhead::Raw;

#[bulkhead::handler]
async fn handler(event: Raw) -> Result<Raw, bulkhead::Error> {
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    if event.0 != br#""ping""# {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        receiver.await?;
    }
    drop(sender);
    Ok(event)
}

fn main() {}
