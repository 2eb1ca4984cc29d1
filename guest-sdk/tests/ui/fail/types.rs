#![allow(unused)]

struct NotDeserialize;
struct NotSerialize;
struct NotAnError;

#[bulkhead::handler]
fn event(event: NotDeserialize) {}

#[bulkhead::handler]
fn lambda_event(event: bulkhead::LambdaEvent<NotDeserialize>) {}

#[bulkhead::handler]
fn event_of_two(event: NotDeserialize, context: bulkhead::Context) {}

#[bulkhead::handler]
fn second(event: String, context: u8) {}

#[bulkhead::handler]
fn response() -> NotSerialize {
    NotSerialize
}

#[bulkhead::handler]
fn response_in_result() -> Result<NotSerialize, String> {
    Ok(NotSerialize)
}

#[bulkhead::handler]
fn error() -> Result<(), NotAnError> {
    Ok(())
}

#[bulkhead::handler]
fn future() -> impl Future<Output = ()> {
    async {}
}

fn main() {}
