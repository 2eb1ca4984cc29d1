#![allow(unused)]

use bulkhead::http::{Request, Response};

mod no_request {
    #[bulkhead::http_handler]
    fn handler() -> super::Response<String> {
        super::Response::new(String::new())
    }
}

mod arguments {
    #[bulkhead::http_handler(path = "/")]
    fn handler(request: &super::Request<()>) -> super::Response<String> {
        super::Response::new(String::new())
    }
}

mod no_response {
    #[bulkhead::http_handler]
    fn handler(request: super::Request<()>) -> String {
        String::new()
    }
}

mod bodies {
    #[bulkhead::http_handler]
    fn handler(request: super::Request<u8>) -> super::Response<u8> {
        super::Response::new(1)
    }
}

mod error {
    pub struct Strange;

    #[bulkhead::http_handler]
    fn handler(request: super::Request<()>) -> Result<super::Response<()>, Strange> {
        Err(Strange)
    }
}

fn main() {}
