//! Reads the memory that an init left, through functions that were added to the component.

use std::collections::BTreeMap;

use wasmtime::Store;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentNamedList, Instance, Lift, Type, WasmList};

use super::PreinitError;
use crate::capabilities::State;
use crate::capabilities::limits::Limiter;
use crate::policy::Limits;

/// A whole memory, or a global variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The bytes of a memory.
    Memory(Vec<u8>),
    /// A variable of type `i32`.
    I32(i32),
    /// A variable of type `i64`.
    I64(i64),
    /// The bits of a variable of type `f32`.
    F32(u32),
    /// The bits of a variable of type `f64`.
    F64(u64),
}

/// The results of the functions of the exported instance `access`.
pub(super) async fn values(
    store: &mut Store<State>,
    component: &Component,
    instance: Instance,
    access: &str,
) -> Result<BTreeMap<String, Value>, PreinitError> {
    // The reading functions use one page of each memory, and pass all memory to the host, which must not
    // count as the guest's.
    store.data_mut().limiter = Limiter::new(&Limits { memory: usize::MAX, ..Limits::default() });
    store.set_hostcall_fuel(usize::MAX);
    let functions = functions(component, access).ok_or(PreinitError::NoAccess)?;
    let mut values = BTreeMap::new();
    for (name, function) in functions {
        let value = value(store, instance, access, &name, &function).await;
        values.insert(name, value.map_err(PreinitError::Unreadable)?);
    }
    Ok(values)
}

fn functions(component: &Component, access: &str) -> Option<Vec<(String, ComponentFunc)>> {
    let engine = component.engine();
    let kind = component.component_type();
    let ComponentItem::ComponentInstance(access) = kind.get_export(engine, access)?.ty else { return None };
    let functions = access.exports(engine).filter_map(|(name, item)| match item.ty {
        ComponentItem::ComponentFunc(function) => Some((name.to_owned(), function)),
        ComponentItem::CoreFunc(_)
        | ComponentItem::Module(_)
        | ComponentItem::Component(_)
        | ComponentItem::ComponentInstance(_)
        | ComponentItem::Type(_)
        | ComponentItem::Resource(_) => None,
    });
    Some(functions.collect())
}

async fn value(
    store: &mut Store<State>,
    instance: Instance,
    access: &str,
    name: &str,
    function: &ComponentFunc,
) -> wasmtime::Result<Value> {
    Ok(match function.results().next() {
        Some(Type::List(_)) => {
            let (bytes,) = call::<(WasmList<u8>,)>(store, instance, access, name).await?;
            Value::Memory(bytes.as_le_slice(&*store).to_vec())
        }
        Some(Type::S32) => Value::I32(call::<(i32,)>(store, instance, access, name).await?.0),
        Some(Type::S64) => Value::I64(call::<(i64,)>(store, instance, access, name).await?.0),
        Some(Type::Float32) => Value::F32(call::<(f32,)>(store, instance, access, name).await?.0.to_bits()),
        Some(Type::Float64) => Value::F64(call::<(f64,)>(store, instance, access, name).await?.0.to_bits()),
        other => wasmtime::bail!("{name} returns {other:?}"),
    })
}

async fn call<R>(
    store: &mut Store<State>,
    instance: Instance,
    access: &str,
    name: &str,
) -> wasmtime::Result<R>
where
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    let access = instance.get_export_index(&mut *store, None, access);
    let function = access.and_then(|access| instance.get_export_index(&mut *store, Some(&access), name));
    let function = function.ok_or_else(|| wasmtime::format_err!("there is no {name}"))?;
    instance.get_typed_func::<(), R>(&mut *store, function)?.call_async(&mut *store, ()).await
}
