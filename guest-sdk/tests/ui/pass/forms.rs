//! Every form that a handler may have, under a strict set of lints.
#![deny(warnings, missing_docs, unsafe_code, unreachable_pub, unused_qualifications)]

use bulkhead::{Context, Diagnostic, Error, LambdaEvent, Raw};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Deserialize)]
struct Request {
    name: String,
}

#[derive(Serialize)]
struct Response {
    message: String,
}

type Fallible<T> = Result<T, Error>;

mod none {
    #[bulkhead::handler]
    fn handler() {}
}

mod event {
    #[bulkhead::handler]
    fn handler(request: super::Request) -> super::Response {
        super::Response { message: request.name }
    }
}

mod event_and_context {
    use super::*;

    #[bulkhead::handler]
    pub(crate) async fn handler(request: Request, context: Context) -> Result<Response, std::num::ParseIntError> {
        let _: u8 = context.request_id.parse()?;
        Ok(Response { message: request.name })
    }
}

mod lambda_event {
    use super::*;

    #[bulkhead::handler]
    async fn handler(LambdaEvent { payload, context }: LambdaEvent<Value>) -> Fallible<Value> {
        context.tenant_id.ok_or("no tenant")?;
        Ok(payload)
    }
}

mod context {
    use super::*;

    #[bulkhead::handler]
    fn handler(context: Context) -> anyhow::Result<()> {
        anyhow::ensure!(context.deadline > 0, "too late");
        Ok(())
    }
}

mod raw {
    use super::*;

    #[bulkhead::handler]
    fn handler(mut event: Raw, _: Context) -> Raw {
        event.0.reverse();
        event
    }
}

mod raw_lambda_event {
    use super::*;

    #[bulkhead::handler]
    fn handler(event: LambdaEvent<Raw>) -> Result<Raw, &'static str> {
        Ok(event.payload)
    }
}

mod diagnostic {
    use super::*;

    #[bulkhead::handler]
    fn handler(event: Option<String>) -> Result<String, Diagnostic> {
        event.ok_or(Diagnostic { error_type: "Empty".into(), error_message: "no event".into() })
    }
}

mod chosen {
    use super::*;

    struct Mine;

    impl From<Mine> for Diagnostic {
        fn from(_: Mine) -> Self {
            Diagnostic { error_type: "Mine".into(), error_message: "…".into() }
        }
    }

    #[bulkhead::handler]
    async fn handler() -> Result<impl Serialize, Mine> {
        if false {
            return Err(Mine);
        }
        Ok("anything")
    }
}

mod named_like_our_locals {
    #[bulkhead::handler]
    fn event(error: u8) -> Result<u8, Box<dyn std::error::Error>> {
        Ok(error)
    }
}

fn main() {}
