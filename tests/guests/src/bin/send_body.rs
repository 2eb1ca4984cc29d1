//! Sends what the event says, with a body of a length that it does not say, and answers with the status or the error.
use serde_json::Value;
use wasip2::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme};

fn send(event: &Value) -> Result<u16, Box<dyn std::error::Error>> {
    let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let pair = |(name, value): (&String, &Value)| (name.clone(), value.as_str().unwrap_or_default().into());
    let pairs = |all: &Value| all.as_object().into_iter().flatten().map(pair).collect::<Vec<_>>();
    let request = OutgoingRequest::new(Fields::from_list(&pairs(&event["headers"]))?);
    request.set_method(&Method::Other(text("method"))).map_err(|()| "no method")?;
    request.set_scheme(Some(&Scheme::Http)).map_err(|()| "no scheme")?;
    request.set_authority(Some(&text("authority"))).map_err(|()| "no authority")?;
    request.set_path_with_query(Some("/")).map_err(|()| "no path")?;
    let body = request.body().map_err(|()| "no body")?;
    let response = wasip2::http::outgoing_handler::handle(request, None)?;
    body.write().map_err(|()| "no stream")?.blocking_write_and_flush(text("body").as_bytes())?;
    let trailers = event.get("trailers").map(|all| Fields::from_list(&pairs(all))).transpose()?;
    OutgoingBody::finish(body, trailers)?;
    response.subscribe().block();
    Ok(response.get().and_then(Result::ok).ok_or("no response")??.status())
}

#[bulkhead::handler]
fn send_body(event: Value) -> (u16, String) {
    send(&event).map_or_else(|error| (0, error.to_string()), |status| (status, String::new()))
}

fn main() {}
