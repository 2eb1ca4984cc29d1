//! The headers of `/next`: lines of `name: value`, as far as they can be headers at all.
#![no_main]

use std::time::UNIX_EPOCH;

use bulkhead_host::runtime_api::NextEvent;
use bulkhead_host::runtime_api::invocation::Invocation;
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(line[..colon].trim_ascii());
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let parsed = Invocation::parse(NextEvent { headers, body: Bytes::from_static(b"{}") }, UNIX_EPOCH);
    match parsed {
        Ok((invocation, caller)) => {
            assert!(!invocation.id.request_id.is_empty() && invocation.tenant_id.as_deref() != Some(""));
            if let Ok(Some(context)) = caller.map(|caller| caller.client_context) {
                serde_json::from_str::<serde_json::Value>(&context).expect("a client context in JSON");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
