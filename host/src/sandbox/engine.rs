//! The engine of scripts: its handler, and the answer of a script, which may be bytes, a stream, or a response to the request that
//! its event is.

use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Func, InstancePre};

use super::guest::{Call, failed, instantiate, reply};
use super::{http, script_compiler};
use crate::capabilities::State;
use crate::capabilities::script_http::ScriptHttp;
use crate::engine::bindings::bulkhead::lambda::types::{Context, Failure};
use crate::sandbox::outcome::Outcome;
use crate::wasm::Kind;

/// An engine with all of its imports, and its handler or its compiler.
///
/// The handler has the type of a buffered handler's, so the calls of both are the same code.
#[derive(Clone)]
pub(crate) struct EnginePre {
    pre: InstancePre<State>,
    function: ComponentExportIndex,
    is_compiler: bool,
}

impl EnginePre {
    /// Finds the handler.
    pub(super) fn new(pre: InstancePre<State>) -> wasmtime::Result<Self> {
        let function = function(&pre, Kind::Engine.export(), "handle");
        let function = function.ok_or_else(|| wasmtime::format_err!("the engine has no handler"))?;
        Ok(Self { pre, function, is_compiler: false })
    }

    /// Finds the compiler, if the component has one.
    pub(super) fn compiler(pre: InstancePre<State>) -> Option<Self> {
        let function = function(&pre, script_compiler::EXPORT, "compile")?;
        Some(Self { pre, function, is_compiler: true })
    }

    pub(crate) fn instance_pre(&self) -> &InstancePre<State> {
        &self.pre
    }

    /// Makes an instance.
    pub(super) async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<EngineGuest> {
        let instance = instantiate(&self.pre, store).await?;
        let Some(function) = instance.get_func(store, self.function) else {
            wasmtime::bail!("the engine has no such function")
        };
        Ok(EngineGuest { function, is_compiler: self.is_compiler })
    }
}

fn function(pre: &InstancePre<State>, interface: &str, name: &str) -> Option<ComponentExportIndex> {
    let component = pre.component();
    let interface = component.get_export_index(None, interface)?;
    component.get_export_index(Some(&interface), name)
}

/// The instance of an engine.
pub(super) struct EngineGuest {
    function: Func,
    is_compiler: bool,
}

impl EngineGuest {
    /// Lets it handle an event.
    pub(super) async fn handle(&self, store: &mut Store<State>, call: Call<'_>) -> wasmtime::Result<Outcome> {
        let Call { event, context, policy, .. } = call;
        if self.is_compiler {
            // Boxed, because nearly all events have a handler.
            return Box::pin(script_compiler::call(self.function, store, event)).await;
        }
        store.data_mut().script_http = ScriptHttp::Event(event.clone());
        let handle = self.function.typed::<(&[u8], Context<'_>), (Result<Vec<u8>, Failure>,)>(&*store)?;
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
