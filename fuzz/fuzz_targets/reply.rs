//! The reply to `GET /next`, on a real socket: the status line, the headers, the framing of the body, and what the headers say
//! about the event. The first byte says after how many bytes the server pauses.
#![no_main]

use std::pin::pin;
use std::time::UNIX_EPOCH;

use bulkhead_host::runtime_api::RuntimeApi;
use bulkhead_host::runtime_api::invocation::Invocation;
use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

thread_local! {
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().expect("start a runtime");
}

fuzz_target!(|bytes: &[u8]| {
    RUNTIME.with(|runtime| runtime.block_on(ask(bytes)));
});

async fn ask(bytes: &[u8]) {
    let Some((pause, reply)) = bytes.split_first() else { return };
    let parts: [Vec<u8>; 2] = {
        let (before, after) = reply.split_at(usize::from(*pause).min(reply.len()));
        [before.to_vec(), after.to_vec()]
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind a port");
    let endpoint = listener.local_addr().expect("a port").to_string().parse().expect("an endpoint");
    let mut api = RuntimeApi::new(endpoint);
    let serve = async move {
        // A client that is not content with the reply connects a second time at most.
        for _ in 0..2 {
            let Ok((mut connection, _)) = listener.accept().await else { return };
            for part in &parts {
                // The client may have gone.
                let _ = connection.write_all(part).await;
                tokio::task::yield_now().await;
            }
        }
    };
    let mut next = pin!(api.next());
    let next = tokio::select! {
        next = &mut next => next,
        // Nobody listens any more.
        () = serve => next.await,
    };
    match next.map(|event| Invocation::parse(event, UNIX_EPOCH)) {
        Ok(Ok((invocation, caller))) => {
            assert!(!invocation.id.request_id.is_empty() && invocation.tenant_id.as_deref() != Some(""));
            if let Ok(Some(context)) = caller.map(|caller| caller.client_context) {
                serde_json::from_str::<serde_json::Value>(&context).expect("a client context in JSON");
            }
        }
        Ok(Err(error)) => assert!(!error.to_string().is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
