//! An HTTP service without a library between: gives the host what takes it long to tell, as the path says.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{ErrorCode, Fields, IncomingRequest, OutgoingResponse, ResponseOutparam};

struct Service;

impl Guest for Service {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let headers = Fields::new();
        match request.path_with_query().as_deref() {
            // As long as one call takes, and nothing in it can be told as it is.
            Some("/error") => {
                let error = ErrorCode::InternalError(Some("\u{1}".repeat(15_000_000)));
                return ResponseOutparam::set(outparam, Err(error));
            }
            Some("/headers") => while headers.append("x-a", &[b'a'; 1000]).is_ok() {},
            _ => {}
        }
        ResponseOutparam::set(outparam, Ok(OutgoingResponse::new(headers)));
    }
}

wasip2::http::proxy::export!(Service);

fn main() {}
