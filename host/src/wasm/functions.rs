//! The functions among what a component exports.

use wasmtime::component::types::{ComponentFunc, ComponentItem};

/// The function that an item is, if it is one.
pub(crate) fn as_function(item: ComponentItem) -> Option<ComponentFunc> {
    match item {
        ComponentItem::ComponentFunc(function) => Some(function),
        ComponentItem::CoreFunc(_)
        | ComponentItem::Module(_)
        | ComponentItem::Component(_)
        | ComponentItem::ComponentInstance(_)
        | ComponentItem::Type(_)
        | ComponentItem::Resource(_) => None,
    }
}
