//! A handler written for `lambda_runtime`, ported as the crate's documentation says. In a module, because started as a program
//! it would only say how to build the component.
#![deny(warnings)]

mod port {
    use bulkhead::{Diagnostic, LambdaEvent, run, service_fn};
    use serde_json::Value;

    #[derive(Debug)]
    struct Mine(&'static str);

    impl From<Mine> for Diagnostic {
        fn from(error: Mine) -> Diagnostic {
            Diagnostic { error_type: "Mine".into(), error_message: error.0.into() }
        }
    }

    #[bulkhead::main]
    async fn main() -> Result<(), bulkhead::Error> {
        let service = service_fn(handler);
        run(service).await?;
        Ok(())
    }

    async fn handler(event: LambdaEvent<Value>) -> Result<Value, Mine> {
        let (payload, _context) = event.into_parts();
        if payload.is_null() { Err(Mine("nothing")) } else { Ok(payload) }
    }
}

fn main() {}
