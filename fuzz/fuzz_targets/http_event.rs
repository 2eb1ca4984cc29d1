//! Events become HTTP requests, and the answer to such a request is JSON.
#![no_main]

use bulkhead_host::http_event::HttpEvent;
use bytes::Bytes;
use hyper::StatusCode;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|event: &[u8]| {
    match HttpEvent::parse(&Bytes::copy_from_slice(event)) {
        Ok(HttpEvent { source, request }) => {
            assert!(request.uri().host().is_some() && request.uri().path().starts_with('/'));
            let answer = source.response(StatusCode::OK, request.headers(), request.body());
            if let Ok(answer) = answer {
                serde_json::from_slice::<Value>(&answer).expect("an answer in JSON");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
