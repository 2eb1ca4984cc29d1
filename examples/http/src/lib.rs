//! An HTTP service: a shop that sells two things, for API Gateway, function URLs and load balancers.

use bulkhead::Error;
use bulkhead::http::{Json, Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Order {
    what: String,
    quantity: u32,
}

#[derive(Debug, PartialEq, Serialize)]
struct Answer {
    message: String,
}

#[bulkhead::http_handler]
fn shop(request: Request<Option<Json<Order>>>) -> Result<Response<Json<Answer>>, Error> {
    let (head, order) = request.into_parts();
    let (status, message) = match (head.method, head.uri.path(), order) {
        (Method::GET, "/", _) => (StatusCode::OK, "ropes and lanterns; POST /orders".to_owned()),
        (Method::POST, "/orders", Some(Json(Order { what, quantity }))) => match cents(&what) {
            Some(cents) => {
                (StatusCode::CREATED, format!("{quantity} {what}: {} cents", u64::from(quantity) * cents))
            }
            None => (StatusCode::NOT_FOUND, format!("we have no {what}")),
        },
        (method, path, _) => (StatusCode::NOT_FOUND, format!("there is no {method} {path}")),
    };
    Ok(Response::builder().status(status).body(Json(Answer { message }))?)
}

fn cents(what: &str) -> Option<u64> {
    match what {
        "rope" => Some(1250),
        "lantern" => Some(3999),
        _ => None,
    }
}

#[test]
fn an_order() -> Result<(), Error> {
    let order = Order { what: "rope".into(), quantity: 2 };
    let response = shop(Request::post("/orders").body(Some(Json(order)))?)?;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.body().0.message, "2 rope: 2500 cents");
    Ok(())
}

#[test]
fn what_is_not_there() -> Result<(), Error> {
    let response = shop(Request::delete("/orders").body(None)?)?;
    assert_eq!(
        (response.status(), response.body().0.message.as_str()),
        (StatusCode::NOT_FOUND, "there is no DELETE /orders")
    );
    Ok(())
}
