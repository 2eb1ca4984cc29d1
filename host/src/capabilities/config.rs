//! `wasi:config`: the table `config` of a handler or a tenant, under the two ids that hosts give it. Both have the same
//! functions.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower};

use crate::policy::Policy;

/// The id of Wasmtime and wasmCloud, and the id of Spin.
const IDS: [&str; 2] = ["wasi:config/store@0.2.0-rc.1", "wasi:config/store@0.2.0-draft-2024-09-27"];

/// The `error` of both ids. The configuration is in memory, so no call fails.
#[derive(Debug, ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "a part of the signature")]
enum Error {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

/// Links both ids.
///
/// # Errors
/// When one is there already, which would be a bug.
pub(super) fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    policy: fn(&T) -> &Policy,
) -> wasmtime::Result<()> {
    for id in IDS {
        let mut store = linker.instance(id)?;
        store.func_wrap("get", move |state: StoreContextMut<'_, T>, (key,): (String,)| {
            Ok((Ok::<_, Error>(value(policy(state.data()), &key)),))
        })?;
        store.func_wrap("get-all", move |state: StoreContextMut<'_, T>, (): ()| {
            Ok((Ok::<_, Error>(all(policy(state.data()))),))
        })?;
    }
    Ok(())
}

fn value(policy: &Policy, key: &str) -> Option<String> {
    policy.config.get(key).cloned()
}

fn all(policy: &Policy) -> Vec<(String, String)> {
    policy.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_value_and_all_come_in_order() {
        let mut policy = Policy::default_for("hello");
        for (key, value) in [("unit", "EUR"), ("greeting", "Hello")] {
            policy.config.insert(key.to_owned(), value.to_owned());
        }
        assert_eq!(value(&policy, "unit").as_deref(), Some("EUR"));
        assert_eq!(value(&policy, "Unit"), None);
        let expected =
            [("greeting", "Hello"), ("unit", "EUR")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(all(&policy), expected);
    }
}
