//! An HTTP service: requests come from a function URL, API Gateway or a load balancer.

use bulkhead::Error;
use bulkhead::http::{Json, Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Greeting {
    name: String,
}

#[derive(Serialize)]
struct Answer {
    message: String,
}

#[bulkhead::http_handler]
fn handle(request: Request<Option<Json<Greeting>>>) -> Result<Response<Json<Answer>>, Error> {
    let (head, greeting) = request.into_parts();
    let (status, message) = match (head.method, head.uri.path(), greeting) {
        (Method::GET, "/", _) => (StatusCode::OK, "POST your name to /hello".to_owned()),
        (Method::POST, "/hello", Some(Json(Greeting { name }))) => (StatusCode::OK, format!("Hello {name}!")),
        (method, path, _) => (StatusCode::NOT_FOUND, format!("there is no {method} {path}")),
    };
    Ok(Response::builder().status(status).body(Json(Answer { message }))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets_by_name() -> Result<(), Error> {
        let greeting = Greeting { name: "world".into() };
        let response = handle(Request::post("/hello").body(Some(Json(greeting)))?)?;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.body().0.message, "Hello world!");
        Ok(())
    }

    #[test]
    fn says_what_is_not_there() -> Result<(), Error> {
        let response = handle(Request::get("/elsewhere").body(None)?)?;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        Ok(())
    }
}
