//! A router of axum.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::Json;
use axum::routing::{get, post};
use bulkhead::http::{Error, run};
use serde_json::{Value, json};

async fn greet(Path(name): Path<String>, uri: Uri) -> Json<Value> {
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    Json(json!({ "name": name, "query": uri.query() }))
}

async fn sum(Json(numbers): Json<Vec<u32>>) -> (StatusCode, String) {
    (StatusCode::CREATED, numbers.iter().sum::<u32>().to_string())
}

#[bulkhead::http::main]
async fn main() -> Result<(), Error> {
    run(Router::new().route("/hello/{name}", get(greet)).route("/sum", post(sum))).await
}
