//! Sends the event's requests, each in a task, and counts the ticks of a timer until they are all answered.

use std::time::Duration;

use bulkhead::client::{Client, Error};
use tokio::time::{interval, timeout};

async fn text(client: Client, url: String) -> Result<String, Error> {
    client.get(url).send().await?.error_for_status()?.text().await
}

#[bulkhead::handler]
async fn handler(urls: Vec<String>) -> Result<(Vec<String>, bool), bulkhead::Error> {
    let client = Client::new();
    let tasks: Vec<_> = urls.into_iter().map(|url| tokio::spawn(text(client.clone(), url))).collect();
    let mut texts = Vec::new();
    for task in tasks {
        texts.push(timeout(Duration::from_secs(2), task).await???);
    }
    let mut ticks = interval(Duration::from_millis(1));
    ticks.tick().await;
    ticks.tick().await;
    Ok((texts, true))
}

fn main() {}
