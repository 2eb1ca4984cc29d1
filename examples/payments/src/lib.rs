//! Asks a payment service whether an invoice is paid. The service wants a secret key, which the host adds.

use std::env;

use bulkhead::Error;
use bulkhead::client::Client;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request {
    invoice: String,
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Response {
    paid: bool,
}

#[bulkhead::handler]
async fn handle(request: Request) -> Result<Response, Error> {
    #[expect(clippy::disallowed_methods, reason = "a grant is read as any variable is")]
    let api = env::var("API")?;
    ask(&Client::new(), &api, &request.invoice).await
}

async fn ask(client: &Client, api: &str, invoice: &str) -> Result<Response, Error> {
    let response = client.get(format!("{api}/payments/{invoice}")).send().await?;
    Ok(response.error_for_status()?.json().await?)
}

#[cfg(test)]
#[tokio::test]
async fn asks_without_a_key() -> Result<(), Error> {
    let client = Client::answering(|request| {
        assert!(request.headers().is_empty(), "the host adds the key");
        bulkhead::client::http::Response::new(br#"{"paid":true}"#.to_vec())
    });
    assert_eq!(ask(&client, "https://api.example.com", "17").await?, Response { paid: true });
    Ok(())
}
