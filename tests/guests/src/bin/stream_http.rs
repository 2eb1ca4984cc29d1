//! Streams an HTTP response, and sends each piece when its reader has the one before.

#[bulkhead::streaming_handler]
async fn http(pieces: Vec<String>, mut response: bulkhead::ResponseStream) -> Result<(), bulkhead::Error> {
    response.status(201)?;
    response.content_type("text/plain")?;
    response.cookie("a=1; Secure")?;
    for piece in pieces {
        response.send(piece).await?;
    }
    Ok(())
}

fn main() {}
