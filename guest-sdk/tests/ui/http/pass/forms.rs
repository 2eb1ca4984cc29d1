//! Every form that an HTTP handler may have, under a strict set of lints.
#![deny(warnings, missing_docs, unsafe_code, unreachable_pub, unused_qualifications)]

use bulkhead::http::{IncomingBody, Json, OutgoingBody, Request, Response, StatusCode};
use bulkhead::{Diagnostic, Error};

type Answer = Result<Response<String>, Error>;

mod text {
    use super::*;

    #[bulkhead::http_handler]
    fn handler(request: Request<String>) -> Response<String> {
        Response::new(request.into_body())
    }
}

mod asynchronous {
    use super::*;

    #[bulkhead::http_handler]
    async fn handler(request: Request<Vec<u8>>) -> Answer {
        Ok(Response::new(String::from_utf8(request.into_body())?))
    }
}

mod json {
    use super::*;

    #[bulkhead::http_handler]
    fn handler(request: Request<Json<u8>>) -> Response<Json<u8>> {
        request.into_body().0.checked_add(1).map(Json).map_or_else(|| Response::new(Json(0)), Response::new)
    }
}

mod streams {
    use super::*;

    #[bulkhead::http_handler]
    fn handler(request: Request<IncomingBody>) -> Response<OutgoingBody> {
        let mut body = request.into_body();
        Response::new(OutgoingBody::written(move |to| std::io::copy(&mut body, to).map(drop)))
    }
}

mod nothing {
    use super::*;

    #[bulkhead::http_handler]
    fn handler(_: Request<()>) -> Result<Response<()>, Diagnostic> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }
}

fn main() {}
