//! The calls that an init is denied: their results would be equal in every sandbox, for as long as the
//! component is used.
//!
//! Most of them stop the init immediately, with a stack trace. Reading the environment does not, since a
//! panic reads it too; it is recorded instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::component::Linker;

use super::Rules;
use crate::capabilities::State;

/// A denied request of an init.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Keys of hash maps, for example.
    #[error(
        "it asked for random bytes, which would be the same in every sandbox. A HashMap uses them as its \
         keys: use a BTreeMap, or a hasher without random keys; or pass --allow-random, if an attacker \
         cannot choose the values that are hashed"
    )]
    Random,
    /// A clock, or a sleep.
    #[error(
        "it asked for the time, which would be the same in every sandbox. Read the time in the handler; or \
         pass --allow-clock, if you need the time of the compilation"
    )]
    Clock,
    /// Directories to open files in.
    #[error(
        "it looked for files. At compile time there are none, and sandboxes would not look again. Include \
         the data in the component with include_bytes! or include_str!, or read it in the handler"
    )]
    Files,
    /// An outbound request.
    #[error(
        "it sent a request. At compile time there is no network. Include the data in the component with \
         include_bytes! or include_str!, or request it in the handler"
    )]
    Network,
    /// A key-value store.
    #[error(
        "it opened a key-value store. At compile time there is none, and sandboxes would not open it again. Open it in \
         the handler"
    )]
    Store,
    /// Its configuration.
    #[error(
        "it read its configuration, which is that of a handler or a tenant and would be the same in every sandbox. Read \
         it in the handler"
    )]
    Config,
}

/// The denied functions, each with its interface. The versions are those of the linker; a component may use
/// any other version of WASI 0.2.
const FUNCTIONS: &[(Refused, &str, &[&str])] = &[
    (Refused::Random, "wasi:random/random@0.2.12", &["get-random-bytes", "get-random-u64"]),
    (
        Refused::Random,
        "wasi:random/insecure@0.2.12",
        &["get-insecure-random-bytes", "get-insecure-random-u64"],
    ),
    (Refused::Random, "wasi:random/insecure-seed@0.2.12", &["insecure-seed"]),
    (Refused::Clock, "wasi:clocks/wall-clock@0.2.12", &["now", "resolution"]),
    (
        Refused::Clock,
        "wasi:clocks/monotonic-clock@0.2.12",
        &["now", "resolution", "subscribe-instant", "subscribe-duration"],
    ),
    (Refused::Files, "wasi:filesystem/preopens@0.2.12", &["get-directories"]),
    (Refused::Network, "wasi:http/outgoing-handler@0.2.12", &["handle"]),
    (Refused::Store, "wasi:keyvalue/store@0.2.0-draft", &["open"]),
    (Refused::Store, "wasi:keyvalue/store@0.2.0-draft2", &["open"]),
    (Refused::Config, "wasi:config/store@0.2.0-rc.1", &["get", "get-all"]),
    (Refused::Config, "wasi:config/store@0.2.0-draft-2024-09-27", &["get", "get-all"]),
];
const ENVIRONMENT: (&str, &str) = ("wasi:cli/environment@0.2.12", "get-environment");

/// The calls of an init that are allowed but recorded.
#[derive(Debug, Default)]
pub(super) struct Looked(Arc<AtomicBool>);

impl Looked {
    /// It read its environment, which is empty.
    pub(super) fn at_environment(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Replaces functions of a linker by ones that deny.
pub(super) fn replace(linker: &mut Linker<State>, rules: Rules) -> wasmtime::Result<Looked> {
    linker.allow_shadowing(true);
    for (refused, interface, functions) in FUNCTIONS.iter().copied() {
        let allowed = match refused {
            Refused::Random => rules.random,
            Refused::Clock => rules.clock,
            Refused::Files | Refused::Network | Refused::Store | Refused::Config => false,
        };
        if allowed {
            continue;
        }
        let mut interface = linker.instance(interface)?;
        for function in functions {
            interface.func_new(function, move |_, _, _, _| Err(refused.into()))?;
        }
    }
    let looked = Looked::default();
    let at_environment = Arc::clone(&looked.0);
    let (interface, function) = ENVIRONMENT;
    linker.instance(interface)?.func_wrap(function, move |_, ()| {
        at_environment.store(true, Ordering::Relaxed);
        Ok((Vec::<(String, String)>::new(),))
    })?;
    linker.allow_shadowing(false);
    Ok(looked)
}
