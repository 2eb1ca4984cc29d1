//! A small HTTP API as API Gateway (payload format 2.0) or a function URL calls it: the event in, its response out.

use bulkhead::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use bulkhead::aws_lambda_events::encodings::Body;
use bulkhead::aws_lambda_events::http::HeaderValue;
use bulkhead::aws_lambda_events::http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Order {
    item: String,
    quantity: u32,
}

#[bulkhead::handler]
fn handle(request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let method = request.request_context.http.method.as_str();
    match (method, request.raw_path.as_deref().unwrap_or("/")) {
        ("GET", "/items") => answer(200, &json!({ "items": ["anchor", "lantern", "rope"] })),
        ("POST", "/orders") => order(request.body.as_deref().unwrap_or_default()),
        (method, path) => answer(404, &json!({ "message": format!("there is no {method} {path}") })),
    }
}

/// A bad request gets a response; it does not fail the invocation.
fn order(body: &str) -> ApiGatewayV2httpResponse {
    match serde_json::from_str(body) {
        Ok(Order { item, quantity }) => answer(201, &json!({ "item": item, "quantity": quantity })),
        Err(error) => answer(400, &json!({ "message": format!("the body is not an order: {error}") })),
    }
}

fn answer(status: i64, body: &Value) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status;
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.body = Some(Body::Text(body.to_string()));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status and body of the answer to the request of `event.json`, changed.
    fn send(method: &str, path: &str, body: Option<&str>) -> (i64, Value) {
        let mut event: Value = serde_json::from_str(include_str!("../event.json")).unwrap();
        event["requestContext"]["http"]["method"] = json!(method);
        event["rawPath"] = json!(path);
        event["body"] = json!(body);
        let response = handle(serde_json::from_value(event).unwrap());
        let Some(Body::Text(body)) = response.body else { panic!("no text in {response:?}") };
        (response.status_code, serde_json::from_str(&body).unwrap())
    }

    #[test]
    fn an_order() {
        let (status, body) = send("POST", "/orders", Some(r#"{"item":"rope","quantity":2}"#));
        assert_eq!((status, body), (201, json!({ "item": "rope", "quantity": 2 })));
    }

    #[test]
    fn a_bad_order_is_an_answer() {
        assert_eq!(send("POST", "/orders", Some("{")).0, 400);
        assert_eq!(send("POST", "/orders", None).0, 400);
    }

    #[test]
    fn other_paths() {
        assert_eq!(send("GET", "/items", None).0, 200);
        assert_eq!(send("DELETE", "/items", None).0, 404);
    }
}
