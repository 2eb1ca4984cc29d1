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

mod renamed {
    use bulkhead as lambda_runtime;
    use lambda_runtime::{Error, LambdaEvent, service_fn};

    #[bulkhead::main]
    async fn main() -> Result<(), Error> {
        lambda_runtime::run(service_fn(|event: LambdaEvent<u8>| async move { Ok::<_, Error>(event.payload) })).await
    }
}

mod generic {
    use bulkhead::{Error, LambdaEvent, run, service_fn};

    #[bulkhead::main]
    async fn main() -> Result<(), Error> {
        with(|number: u8| async move { Ok(number) }).await
    }

    /// The closure's argument gets its type from the function that it calls.
    async fn with<F: Fn(u8) -> R, R: Future<Output = Result<u8, Error>>>(f: F) -> Result<(), Error> {
        run(service_fn(|event| one(&f, event))).await
    }

    async fn one<F: Fn(u8) -> R, R: Future<Output = Result<u8, Error>>>(
        f: F,
        event: LambdaEvent<u8>,
    ) -> Result<u8, Error> {
        f(event.payload).await
    }
}

fn main() {}
