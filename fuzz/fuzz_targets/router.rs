//! Whose an event is: a JSON pointer into it, a header of an HTTP event, and batches that are split by tenant.
#![no_main]

use std::sync::{Arc, LazyLock};

use bulkhead_host::dispatch::router::{Routed, Router};
use bulkhead_host::policy::manifest::Manifest;
use bulkhead_host::runtime_api::InvocationId;
use bulkhead_host::runtime_api::invocation::{Deadline, Invocation};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// One for each way to find out whose an event is.
static ROUTERS: LazyLock<[Router; 3]> = LazyLock::new(|| {
    [
        r#"{ pointer = "/detail/tenant" }"#,
        r#"{ pointer = "/Records/*/body/tenant" }"#,
        r#"{ header = "x-tenant" }"#,
    ]
    .map(router)
});

fn router(tenant: &str) -> Router {
    let text = format!(
        "[routing]\ntenant = {tenant}\nunknown_tenant = \"h\"\nmixed_batches = \"split\"\n\
         [handlers.h]\n[tenants.a]\n[tenants.b]\n"
    );
    let manifest = Manifest::parse(&text).expect("a manifest without mistakes");
    let policies = manifest.handlers.iter().map(|handler| Arc::clone(&handler.policy)).collect();
    Router::new(&manifest, policies, None)
}

fuzz_target!(|event: &[u8]| {
    let invocation = Invocation {
        id: InvocationId { request_id: "1".into(), attempt: None },
        tenant_id: None,
        event: Bytes::copy_from_slice(event),
        deadline: Deadline::Unknown { reason: "it is not sent" },
    };
    for router in &*ROUTERS {
        match router.route(&invocation) {
            Ok(Routed::Whole(_)) => {}
            Ok(Routed::Split(parts)) => {
                for (_, part) in parts {
                    serde_json::from_slice::<Value>(&part.event).expect("a part in JSON");
                    // What a handler may answer is any bytes, too.
                    drop(part.failures(event));
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
