//! A small HTTP API behind API Gateway: routing, a query parameter, a JSON body, and the status codes that go with them.

use bulkhead::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use bulkhead::aws_lambda_events::encodings::Body;
use bulkhead::aws_lambda_events::http::HeaderValue;
use bulkhead::aws_lambda_events::http::header::{ALLOW, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is for sale: name and price in cents.
const ITEMS: [(&str, u64); 3] = [("anchor", 12_000), ("lantern", 450), ("rope", 300)];

#[derive(Deserialize)]
struct Order {
    item: String,
    quantity: u32,
}

#[bulkhead::handler]
fn shop(request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let method = request.request_context.http.method.as_str();
    let path = request.raw_path.as_deref().unwrap_or("/").trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    match (method, segments.as_slice()) {
        ("GET", ["items"]) => list(request.query_string_parameters.first("max_price")),
        ("GET", ["items", name]) => show(name),
        ("POST", ["orders"]) => order(request.body.as_deref().unwrap_or_default()),
        (_, ["items"] | ["items", _]) => not_allowed("GET"),
        (_, ["orders"]) => not_allowed("POST"),
        _ => problem(404, "there is nothing at this path"),
    }
}

fn list(max_price: Option<&str>) -> ApiGatewayV2httpResponse {
    let Ok(max_price) = max_price.map_or(Ok(u64::MAX), str::parse) else {
        return problem(400, "max_price is not a number of cents");
    };
    let items: Vec<Value> = ITEMS.iter().filter(|(_, price)| *price <= max_price).map(item).collect();
    answer(200, &json!({ "items": items }))
}

fn show(name: &str) -> ApiGatewayV2httpResponse {
    match ITEMS.iter().find(|(known, _)| *known == name) {
        Some(found) => answer(200, &item(found)),
        None => problem(404, "there is no such item"),
    }
}

fn order(body: &str) -> ApiGatewayV2httpResponse {
    let order: Order = match serde_json::from_str(body) {
        Ok(order) => order,
        Err(error) => return problem(400, &format!("the body is not an order: {error}")),
    };
    let Some((name, price)) = ITEMS.iter().find(|(name, _)| *name == order.item) else {
        return problem(400, "there is no such item");
    };
    let total = price * u64::from(order.quantity);
    answer(201, &json!({ "item": name, "quantity": order.quantity, "total": total }))
}

fn item((name, price): &(&str, u64)) -> Value {
    json!({ "name": name, "price": price })
}

fn problem(status: i64, message: &str) -> ApiGatewayV2httpResponse {
    answer(status, &json!({ "message": message }))
}

fn not_allowed(allowed: &'static str) -> ApiGatewayV2httpResponse {
    let mut response = problem(405, "this path does not have that method");
    response.headers.insert(ALLOW, HeaderValue::from_static(allowed));
    response
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

    /// A request as API Gateway sends it, less what this handler does not look at.
    fn request(method: &str, path: &str, query: &Value, body: Option<&str>) -> ApiGatewayV2httpRequest {
        serde_json::from_value(json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "headers": { "accept": "*/*" },
            "queryStringParameters": query,
            "requestContext": { "http": { "method": method, "path": path }, "timeEpoch": 1_587_481_701_067_i64 },
            "body": body,
            "isBase64Encoded": false,
        }))
        .unwrap()
    }

    /// Status and body of the answer.
    fn send(method: &str, path: &str, query: &Value, body: Option<&str>) -> (i64, Value) {
        let response = shop(request(method, path, query, body));
        let Some(Body::Text(body)) = response.body else { panic!("no text in {response:?}") };
        (response.status_code, serde_json::from_str(&body).unwrap())
    }

    #[test]
    fn items_up_to_a_price() {
        let (status, body) = send("GET", "/items", &json!({ "max_price": "400" }), None);
        assert_eq!((status, body), (200, json!({ "items": [{ "name": "rope", "price": 300 }] })));
        let (_, body) = send("GET", "/items/", &json!({}), None);
        assert_eq!(body["items"].as_array().unwrap().len(), 3);
        assert_eq!(send("GET", "/items", &json!({ "max_price": "cheap" }), None).0, 400);
    }

    #[test]
    fn one_item() {
        let (status, body) = send("GET", "/items/lantern", &json!({}), None);
        assert_eq!((status, body), (200, json!({ "name": "lantern", "price": 450 })));
        assert_eq!(send("GET", "/items/submarine", &json!({}), None).0, 404);
    }

    #[test]
    fn an_order() {
        let (status, body) = send("POST", "/orders", &json!({}), Some(r#"{"item":"rope","quantity":2}"#));
        assert_eq!((status, body), (201, json!({ "item": "rope", "quantity": 2, "total": 600 })));
    }

    #[test]
    fn a_bad_order_is_an_answer() {
        for body in
            [None, Some("{"), Some(r#"{"item":"rope"}"#), Some(r#"{"item":"submarine","quantity":1}"#)]
        {
            assert_eq!(send("POST", "/orders", &json!({}), body).0, 400, "{body:?}");
        }
    }

    #[test]
    fn other_paths_and_methods() {
        assert_eq!(send("GET", "/", &json!({}), None).0, 404);
        let response = shop(request("DELETE", "/items/rope", &json!({}), None));
        assert_eq!(response.status_code, 405);
        assert_eq!(response.headers[ALLOW], "GET");
    }
}
