//! The engine of scripts: its handler, and the answer of a script, which may be bytes, a stream, or a response to the request that
//! its event is.

use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Func, InstancePre};

use super::guest::{Call, failed, reply};
use super::http;
use crate::capabilities::State;
use crate::capabilities::script_http::ScriptHttp;
use crate::engine::bindings::bulkhead::lambda::types::{Context, Failure};
use crate::sandbox::outcome::Outcome;
use crate::wasm::Kind;

/// An engine with all of its imports, and its handler.
///
/// The function has the type of a buffered handler's, so the calls of both are the same code.
#[derive(Clone)]
pub(crate) struct EnginePre {
    pre: InstancePre<State>,
    handle: ComponentExportIndex,
}

impl EnginePre {
    /// Finds the function.
    pub(super) fn new(pre: InstancePre<State>) -> wasmtime::Result<Self> {
        let component = pre.component();
        let interface = component.get_export_index(None, Kind::Engine.export());
        let handle = interface.and_then(|interface| component.get_export_index(Some(&interface), "handle"));
        let Some(handle) = handle else { wasmtime::bail!("the engine has no handler") };
        Ok(Self { pre, handle })
    }

    pub(crate) fn instance_pre(&self) -> &InstancePre<State> {
        &self.pre
    }

    /// Makes an instance.
    pub(super) async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<EngineGuest> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let Some(handle) = instance.get_func(store, self.handle) else {
            wasmtime::bail!("the engine has no handler")
        };
        Ok(EngineGuest(handle))
    }
}

/// The instance of an engine.
pub(super) struct EngineGuest(Func);

impl EngineGuest {
    /// Lets it handle an event.
    pub(super) async fn handle(&self, store: &mut Store<State>, call: Call<'_>) -> wasmtime::Result<Outcome> {
        let Call { event, context, policy, .. } = call;
        store.data_mut().script_http = ScriptHttp::Event(event.clone());
        let handle = self.0.typed::<(&[u8], Context<'_>), (Result<Vec<u8>, Failure>,)>(&*store)?;
        let (returned,) = handle.call_async(&mut *store, (event, context)).await?;
        let http = std::mem::take(&mut store.data_mut().script_http);
        match returned {
            Err(failure) => Ok(failed(failure)),
            Ok(_) if store.data().response.is_open() => Ok(Outcome::Replied(Vec::new())),
            Ok(response) if matches!(http, ScriptHttp::Event(_) | ScriptHttp::Closed) => {
                Ok(reply(response, policy.limits.response))
            }
            // Boxed, because most events of scripts do not get here.
            Ok(_) => Box::pin(http::answer_of_script(http, &store.data().response, policy)).await,
        }
    }
}
