//! Streams a page to the browser that asks for it, with a head of its own; below `/broken` the page has no end.

#[bulkhead::streaming_handler]
async fn page(
    request: serde_json::Value,
    mut response: bulkhead::ResponseStream,
) -> Result<(), bulkhead::Error> {
    let path = request["rawPath"].as_str().unwrap_or_default();
    response.status(418)?;
    response.content_type("text/html")?;
    response.header("x-path", path)?;
    response.header("vary", "accept")?;
    response.header("vary", "cookie")?;
    response.cookie("a=1; Secure")?;
    response.cookie("b=2")?;
    response.send("<p>").await?;
    if path.starts_with("/broken") {
        return Err("the page has no end".into());
    }
    Ok(response.send("🫖</p>").await?)
}

fn main() {}
