//! Calls the guest of a sandbox according to its kind. The outcome of an event that ends with a return is
//! determined here; otherwise in [`crate::sandbox::trap`].

use bytes::Bytes;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi_http::p2::bindings::Proxy;

use super::command::Pipes;
use super::engine::EngineGuest;
use super::{context, http};
use crate::capabilities::State;
use crate::capabilities::console::Console;
use crate::engine::bindings::Lambda;
use crate::engine::bindings::bulkhead::lambda::types::{Context, Failure};
use crate::engine::bindings::streaming::LambdaStreaming;
use crate::policy::{InvokeMode, Policy};
use crate::sandbox::component::Entry;
use crate::sandbox::outcome::Outcome;
use crate::sandbox::trap;

/// A component's instance.
pub(super) enum Guest {
    Handler(Lambda),
    Streaming(LambdaStreaming),
    Http(Proxy),
    Command(Command),
    Engine(EngineGuest),
}

/// All arguments of a call besides the guest's own store.
pub(super) struct Call<'a> {
    pub(super) event: &'a Bytes,
    pub(super) context: Context<'a>,
    pub(super) policy: &'a Policy,
    pub(super) console: &'a Console,
    /// For a command.
    pub(super) pipes: Option<&'a Pipes>,
}

impl Guest {
    /// Makes the instance, which may run its start functions.
    pub(super) async fn make(entry: &Entry, store: &mut Store<State>) -> wasmtime::Result<Self> {
        Ok(match entry {
            Entry::Handler(pre, indices) => {
                let instance = instantiate(pre, store).await?;
                Self::Handler(indices.load(store, &instance)?)
            }
            Entry::Streaming(handler) => Self::Streaming(Box::pin(handler.instantiate_async(store)).await?),
            Entry::Http(service) => Self::Http(Box::pin(service.instantiate_async(store)).await?),
            Entry::Command(command) => Self::Command(Box::pin(command.instantiate_async(store)).await?),
            Entry::Engine(engine) => Self::Engine(engine.instantiate(store).await?),
        })
    }

    /// Whether it may be called again after it has returned. A program ends with its `main`.
    pub(super) fn can_go_on(&self) -> bool {
        match self {
            Self::Handler(_) | Self::Streaming(_) | Self::Http(_) | Self::Engine(_) => true,
            Self::Command(_) => false,
        }
    }

    /// Whether its response may be streamed.
    pub(super) fn streams(&self, policy: &Policy) -> bool {
        match self {
            // A script decides when it runs.
            Self::Streaming(_) | Self::Engine(_) => true,
            Self::Http(_) => policy.invoke_mode == InvokeMode::ResponseStream,
            Self::Handler(_) | Self::Command(_) => false,
        }
    }

    /// Lets it handle an event.
    pub(super) async fn call(&self, store: &mut Store<State>, call: Call<'_>) -> wasmtime::Result<Outcome> {
        match self {
            Self::Handler(handler) => {
                let handler = handler.bulkhead_lambda_handler();
                let returned = handler.call_handle(store, call.event, call.context).await?;
                Ok(returned.map_or_else(failed, |response| reply(response, call.policy.limits.response)))
            }
            Self::Streaming(handler) => {
                let handler = handler.bulkhead_lambda_streaming_handler();
                let called = handler.call_handle(store, call.event, call.context);
                Ok(Box::pin(called).await?.map_or_else(failed, |()| Outcome::Replied(Vec::new())))
            }
            // Boxed, because the state of a waiting service is much larger than that of a handler.
            Self::Http(service) => Box::pin(http::handle(service, store, call.event, call.policy)).await,
            Self::Command(command) => Box::pin(run(command, store, call)).await,
            Self::Engine(engine) => engine.handle(store, call).await,
        }
    }
}

/// Makes an instance. It is one function for handlers and for engines, because there is much of it in the program.
pub(super) async fn instantiate(
    pre: &InstancePre<State>,
    store: &mut Store<State>,
) -> wasmtime::Result<Instance> {
    pre.instantiate_async(store).await
}

async fn run(command: &Command, store: &mut Store<State>, call: Call<'_>) -> wasmtime::Result<Outcome> {
    store.data_mut().environment.tell(context::variables(&call.context));
    let Some(pipes) = call.pipes else { wasmtime::bail!("a command has no streams") };
    let (code, response) = pipes.run(command, store, call.event.clone()).await?;
    if code == 0 {
        return Ok(reply(response, call.policy.limits.response));
    }
    // A program that is denied memory prints its own message and exits: Go's runtime, or C code that checks
    // the result of malloc.
    if let Some(refused) = store.data().limiter.refused() {
        return Ok(trap::refusal(refused, &call.policy.limits));
    }
    Ok(Outcome::CommandFailed { code, stderr: call.console.stderr_tail() })
}

pub(super) fn failed(failure: Failure) -> Outcome {
    Outcome::Failed {
        error_type: failure.error_type,
        message: failure.error_message,
        stack_trace: failure.stack_trace,
    }
}

pub(super) fn reply(response: Vec<u8>, limit: usize) -> Outcome {
    if response.len() > limit {
        return Outcome::ResponseTooLarge { size: Some(response.len()), limit };
    }
    Outcome::Replied(response)
}
