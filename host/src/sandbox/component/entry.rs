//! The entry point of a component, by its kind: the function that is called, checked before the first event.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, InstancePre, Type};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use crate::capabilities::State;
use crate::engine::bindings::LambdaIndices;
use crate::engine::bindings::streaming::LambdaStreamingPre;
use crate::sandbox::engine::EnginePre;
use crate::wasm::{Kind, as_function};

/// A component with all of its imports, and the function that takes its events.
#[derive(Clone)]
pub(crate) enum Entry {
    /// In two parts, because engines are instantiated by the same code.
    Handler(InstancePre<State>, LambdaIndices),
    Streaming(LambdaStreamingPre<State>),
    Http(ProxyPre<State>),
    Command(CommandPre<State>),
    Engine(EnginePre),
}

impl Entry {
    /// Finds the function.
    pub(super) fn of(kind: Kind, pre: InstancePre<State>) -> wasmtime::Result<Self> {
        Ok(match kind {
            Kind::Handler => {
                let indices = LambdaIndices::new(&pre)?;
                Self::Handler(pre, indices)
            }
            Kind::Streaming => Self::Streaming(LambdaStreamingPre::new(pre)?),
            Kind::Http => Self::Http(ProxyPre::new(pre)?),
            Kind::Command => Self::Command(CommandPre::new(pre)?),
            Kind::Engine => Self::Engine(EnginePre::new(pre)?),
        })
    }

    pub(crate) fn pre(&self) -> &InstancePre<State> {
        match self {
            Self::Handler(pre, _) => pre,
            Self::Streaming(handler) => handler.instance_pre(),
            Self::Http(service) => service.instance_pre(),
            Self::Command(command) => command.instance_pre(),
            Self::Engine(engine) => engine.instance_pre(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Handler(..) => Kind::Handler,
            Self::Streaming(_) => Kind::Streaming,
            Self::Http(_) => Kind::Http,
            Self::Command(_) => Kind::Command,
            Self::Engine(_) => Kind::Engine,
        }
    }
}

/// The reason why the export that determines the component's kind cannot be called, if there is one.
pub(super) fn mistake(kind: Kind, export: &str, component: &Component) -> Option<String> {
    let name = match kind {
        Kind::Handler | Kind::Streaming | Kind::Http | Kind::Engine => "handle",
        Kind::Command => "run",
    };
    let function = function(component.engine(), component, export, name);
    if function.is_some_and(|function| fits(kind, &function)) {
        return None;
    }
    Some(format!(
        "the `{name}` of its {export} takes or returns something else than that interface defines; build it \
         with that interface"
    ))
}

fn function(engine: &Engine, component: &Component, export: &str, name: &str) -> Option<ComponentFunc> {
    let ComponentItem::ComponentInstance(interface) =
        component.component_type().get_export(engine, export)?.ty
    else {
        return None;
    };
    as_function(interface.get_export(engine, name)?.ty)
}

/// Whether a function takes and returns the types of its kind. Record fields and resource types are compared
/// at the call.
fn fits(kind: Kind, function: &ComponentFunc) -> bool {
    let is_bytes = |ty: &Type| matches!(ty, Type::List(list) if list.ty() == Type::U8);
    let takes: Vec<Type> = function.params().map(|(_, ty)| ty).collect();
    let returns: Vec<Type> = function.results().collect();
    match kind {
        Kind::Handler | Kind::Streaming | Kind::Engine => {
            let is_response = |ok: Option<&Type>| match kind {
                Kind::Streaming => ok.is_none(),
                Kind::Handler | Kind::Engine | Kind::Http | Kind::Command => ok.is_some_and(is_bytes),
            };
            matches!(takes.as_slice(), [event, Type::Record(_)] if is_bytes(event))
                && matches!(returns.as_slice(), [Type::Result(result)]
                    if is_response(result.ok().as_ref()) && matches!(result.err(), Some(Type::Record(_))))
        }
        Kind::Http => matches!(takes.as_slice(), [Type::Own(_), Type::Own(_)]) && returns.is_empty(),
        Kind::Command => {
            takes.is_empty()
                && matches!(returns.as_slice(), [Type::Result(result)]
                    if result.ok().is_none() && result.err().is_none())
        }
    }
}
