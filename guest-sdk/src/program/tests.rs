//! `main`, `run` and the event's way between them, as the export calls them.

use super::*;
use crate::context::tests::bare;
use crate::generated::block_on;
use crate::service_fn;

fn invoke(event: &str, main: impl FnOnce() -> Result<(), Failure>) -> Outcome {
    invoke_main(Invocation::new(event.into(), bare()), main)
}

/// What `#[main]` makes of an `async fn main() -> Result<(), Error>`.
fn awaited(main: impl Future<Output = Result<(), Error>>) -> Result<(), Failure> {
    block_on(main)?.map_err(failure::from_diagnostic)
}

async fn greet(event: LambdaEvent<String>) -> Result<String, Error> {
    let (name, context) = event.into_parts();
    if name.is_empty() { Err("nobody there".into()) } else { Ok(format!("{name}@{}", context.request_id)) }
}

#[test]
fn the_event_goes_through_run_to_the_handler_and_back() {
    let outcome = invoke(r#""a""#, || awaited(run(service_fn(greet))));
    assert_eq!(outcome.unwrap(), br#""a@8476a536""#);
}

#[test]
fn a_closure_may_use_what_main_has_made() {
    let outcome = invoke("2", || {
        awaited(async {
            let factor = 21;
            run(service_fn(|event: LambdaEvent<i32>| async move { Ok::<_, Error>(event.payload * factor) }))
                .await
        })
    });
    assert_eq!(outcome.unwrap(), b"42");
}

#[test]
fn the_handlers_error_is_the_callers() {
    let failure = invoke(r#""""#, || awaited(run(service_fn(greet)))).unwrap_err();
    assert_eq!((failure.error_type.as_str(), failure.error_message.as_str()), ("Error", "nobody there"));
}

#[test]
fn an_event_that_does_not_fit_never_reaches_the_handler() {
    let failure = invoke("7", || awaited(run(service_fn(greet)))).unwrap_err();
    assert_eq!(failure.error_type, "EventUnmarshalError");
}

#[test]
fn an_error_before_run_is_the_callers() {
    let failure = invoke("1", || awaited(async { Err("no table name".into()) })).unwrap_err();
    assert_eq!(failure.error_message, "no table name");
}

#[test]
fn an_error_after_run_does_not_change_the_outcome() {
    let outcome = invoke(r#""a""#, || {
        awaited(async {
            run(service_fn(greet)).await?;
            Err("too late".into())
        })
    });
    assert!(outcome.is_ok());
}

#[test]
fn without_run_there_is_no_handler() {
    let failure = invoke("1", || awaited(async { Ok(()) })).unwrap_err();
    assert_eq!(failure.error_type, "HandlerMissing");
}

#[test]
fn run_is_for_one_event() {
    let outcome = invoke(r#""a""#, || {
        awaited(async {
            run(service_fn(greet)).await?;
            let again = run(service_fn(greet)).await.unwrap_err();
            assert!(again.to_string().contains("was called twice"), "{again}");
            Ok(())
        })
    });
    assert_eq!(outcome.unwrap(), br#""a@8476a536""#);
}

#[test]
fn outside_a_component_run_says_what_to_do() {
    let error = block_on(run(service_fn(greet))).unwrap().unwrap_err();
    assert!(error.to_string().contains("wasm32-wasip2"), "{error}");
}
