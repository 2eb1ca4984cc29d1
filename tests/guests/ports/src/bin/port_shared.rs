//! A resource that `main` makes and the handler borrows.

use bulkhead::{Error, LambdaEvent, service_fn};

struct Client {
    name: &'static str,
}

impl Client {
    async fn call(&self, command: &str) -> String {
        tokio::task::yield_now().await;
        format!("{command} executed by {}", self.name)
    }
}

#[bulkhead::main]
async fn main() -> Result<(), Error> {
    let client = Client { name: "the shared client" };
    let shared = &client;
    bulkhead::run(service_fn(move |event: LambdaEvent<String>| async move {
        Ok::<_, Error>(shared.call(&event.payload).await)
    }))
    .await
}
