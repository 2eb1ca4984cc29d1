//! Asks an API, and answers with what it says.

use std::env;

use bulkhead::Error;
use bulkhead::client::Client;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request {
    amount: f64,
    currency: String,
}

/// The answer of the API.
#[derive(Deserialize)]
struct Rate {
    euros: f64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Response {
    euros: f64,
}

#[bulkhead::handler]
async fn handle(request: Request) -> Result<Response, Error> {
    let api = variable("API")?;
    convert(&Client::new(), &api, request).await
}

async fn convert(client: &Client, api: &str, request: Request) -> Result<Response, Error> {
    let response = client
        .get(format!("{api}/rates/{}", request.currency))
        .send()
        .await?;
    let rate: Rate = response.error_for_status()?.json().await?;
    Ok(Response {
        euros: request.amount * rate.euros,
    })
}

fn variable(name: &str) -> Result<String, Error> {
    env::var(name).map_err(|error| format!("{name}: {error}; grant it in bulkhead.toml").into())
}

#[cfg(test)]
#[tokio::test]
async fn converts_at_the_rate_of_the_api() -> Result<(), Error> {
    use bulkhead::client::http::Response as Answer;

    let client = Client::answering(|request| {
        assert_eq!(request.uri(), "https://api.example.com/rates/USD");
        Answer::new(br#"{"euros":0.5}"#.to_vec())
    });
    let request = Request {
        amount: 20.0,
        currency: "USD".into(),
    };
    let response = convert(&client, "https://api.example.com", request).await?;
    assert_eq!(response, Response { euros: 10.0 });
    Ok(())
}
