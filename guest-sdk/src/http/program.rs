//! [`run`]: services that are started by a `main`, as with `lambda_http`.
//!
//! As in `crate::program`, the request is stored here and `main` is started; `run` takes the request and
//! stores the response, which is then returned to the host.

use std::cell::RefCell;
use std::future::poll_fn;

use ::http::Request;
use tower_service::Service;

use super::guest::{Incoming, Rejected, Served};
use super::{Body, FromBody as _, IntoResponse, OutgoingBody};
use crate::failure::{self, Failure};
use crate::program::{HOW_TO_RUN, say};
use crate::{Diagnostic, Error};

enum Slot {
    Empty,
    Waiting(Box<Incoming>),
    Running,
    Done(Box<Served>),
}

thread_local! {
    static SLOT: RefCell<Slot> = const { RefCell::new(Slot::Empty) };
}

/// Handles the request of this sandbox, and returns. Call it from a `main` with `#[bulkhead::http::main]`.
///
/// It takes a function through [`service_fn`](super::service_fn), a router of axum, and every other service of
/// tower for requests with a [`Body`].
///
/// ```no_run
/// use bulkhead::http::{Error, Request, run, service_fn};
///
/// #[bulkhead::http::main]
/// async fn main() -> Result<(), Error> {
///     run(service_fn(|request: Request| async move {
///         Ok::<_, Error>(format!("You asked for {}", request.uri().path()))
///     }))
///     .await
/// }
/// ```
///
/// # Errors
/// If there is no request: because this is not a component, or because `run` was called before. An error of
/// the service is logged, and the client gets the status 500.
pub async fn run<S>(service: S) -> Result<(), Error>
where
    S: Service<Request<Body>>,
    S::Response: IntoResponse,
    S::Error: Into<Diagnostic> + 'static,
{
    let incoming = take()?;
    let served = handle(incoming, service).await;
    SLOT.set(Slot::Done(Box::new(served)));
    Ok(())
}

fn take() -> Result<Incoming, Error> {
    match SLOT.replace(Slot::Running) {
        Slot::Waiting(incoming) => Ok(*incoming),
        Slot::Empty => {
            SLOT.set(Slot::Empty);
            Err(HOW_TO_RUN.into())
        }
        taken @ (Slot::Running | Slot::Done(_)) => {
            SLOT.set(taken);
            Err("`bulkhead::http::run` was called twice, but a sandbox handles only one request".into())
        }
    }
}

async fn handle<S>(incoming: Incoming, mut service: S) -> Served
where
    S: Service<Request<Body>>,
    S::Response: IntoResponse,
    S::Error: Into<Diagnostic> + 'static,
{
    let (head, body) = incoming.into_parts();
    let body = Body::from_body(body).map_err(Rejected::BadRequest)?;
    poll_fn(|context| service.poll_ready(context)).await.map_err(failure::from_diagnostic)?;
    let response = service.call(Request::from_parts(head, body)).await.map_err(failure::from_diagnostic)?;
    let response = response.into_response().await;
    Ok(response.map(|body| OutgoingBody::from(body.to_vec())))
}

/// Runs an author's `main` for one request. Emitted by `#[bulkhead::http::main]`.
///
/// # Errors
/// The error of the service, or of `main` before it called the service.
pub fn invoke_http_main(incoming: Incoming, main: impl FnOnce() -> Result<(), Failure>) -> Served {
    SLOT.set(Slot::Waiting(Box::new(incoming)));
    let ended = main();
    match (SLOT.replace(Slot::Empty), ended) {
        (Slot::Done(served), Ok(())) => *served,
        (Slot::Done(served), Err(late)) => {
            say(&format!(
                "main failed after the request was handled: {}: {}",
                late.error_type, late.error_message
            ));
            *served
        }
        (Slot::Empty | Slot::Waiting(_) | Slot::Running, Err(failure)) => Err(failure.into()),
        (Slot::Empty | Slot::Waiting(_) | Slot::Running, Ok(())) => Err(not_handled().into()),
    }
}

fn not_handled() -> Diagnostic {
    Diagnostic {
        error_type: "HandlerMissing".into(),
        error_message: "main ended without handling the request: it must await `bulkhead::http::run(…)`"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::block_on;
    use crate::http::Response;
    use crate::service_fn;

    fn invoke(body: &[u8], main: impl Future<Output = Result<(), Error>>) -> Result<String, String> {
        let incoming = Request::new(body.to_vec().into());
        let served = invoke_http_main(incoming, || block_on(main)?.map_err(failure::from_diagnostic));
        match served {
            Ok(response) => Ok(String::from_utf8(response.into_body().into_bytes().unwrap()).unwrap()),
            Err(Rejected::BadRequest(why)) => Err(why),
            Err(Rejected::Failed(failure)) => Err(failure.error_message),
        }
    }

    async fn shout(request: Request<Body>) -> Result<Response<Body>, Error> {
        match request.into_body() {
            Body::Text(text) => Ok(Response::new(text.to_uppercase().into())),
            Body::Empty | Body::Binary(_) => Err("there is no text".into()),
        }
    }

    #[test]
    fn the_request_goes_through_run_to_the_service_and_back() {
        assert_eq!(invoke(b"a", run(service_fn(shout))).unwrap(), "A");
        assert_eq!(invoke(b"", run(service_fn(shout))).unwrap_err(), "there is no text");
    }

    #[test]
    fn a_main_without_run_or_with_two_has_a_reason() {
        assert!(invoke(b"a", async { Ok(()) }).unwrap_err().contains("without handling the request"));
        assert_eq!(invoke(b"a", async { Err("no table".into()) }).unwrap_err(), "no table");
        let twice = invoke(b"a", async {
            run(service_fn(shout)).await?;
            let again = run(service_fn(shout)).await.unwrap_err();
            assert!(again.to_string().contains("was called twice"), "{again}");
            Err("too late".into())
        });
        assert_eq!(twice.unwrap(), "A");
        let error = block_on(run(service_fn(shout))).unwrap().unwrap_err();
        assert!(error.to_string().contains("wasm32-wasip2"), "{error}");
    }
}
