#![allow(unused)]

mod one_argument {
    #[bulkhead::streaming_handler]
    fn handler(event: String) {}
}

mod arguments {
    #[bulkhead::streaming_handler(fast)]
    fn handler(event: &str, response: bulkhead::ResponseStream) {}
}

mod no_response {
    #[bulkhead::streaming_handler]
    fn handler(event: String, response: Vec<u8>) {}
}

mod value {
    #[bulkhead::streaming_handler]
    fn handler(event: String, response: bulkhead::ResponseStream) -> u8 {
        1
    }
}

fn main() {}
