//! What an init is refused: whatever it got would be the same in every sandbox, for as long as the component is used.
//!
//! Most of it ends the init on the spot, with the functions that asked. The environment does not, since a panic looks
//! at it too; that somebody looked is remembered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::component::Linker;

use super::Rules;
use crate::capabilities::State;

/// Something that an init asked for in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Keys of hash maps, for example.
    #[error(
        "it asked for random bytes, which would be the same in every sandbox. A HashMap takes its keys from them: let \
         what is built ahead use a BTreeMap or a hasher without random keys; or pass --allow-random, if nothing that an \
         attacker chooses is hashed with these keys"
    )]
    Random,
    /// Either clock, or a sleep.
    #[error(
        "it asked for the time, which would stand still in every sandbox. Ask for it in the handler; or pass --allow-clock, \
         if the time of the compilation is what is wanted"
    )]
    Clock,
    /// Directories to open files in.
    #[error(
        "it looked for files. There are none while it runs, and no sandbox would look again. Put what it needs into the \
         component with include_bytes! or include_str!, or read it in the handler"
    )]
    Files,
    /// An outbound request.
    #[error(
        "it sent a request, and there is no network while it runs. Put what it needs into the component with \
         include_bytes! or include_str!, or ask for it in the handler"
    )]
    Network,
}

/// The functions that are refused, each with its interface. Versions are those that the linker has; a component may
/// ask for any other of WASI 0.2.
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
];
const ENVIRONMENT: (&str, &str) = ("wasi:cli/environment@0.2.12", "get-environment");

/// What the init looked at that it was not refused.
#[derive(Debug, Default)]
pub(super) struct Looked(Arc<AtomicBool>);

impl Looked {
    /// At its environment, which has nothing in it.
    pub(super) fn at_environment(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Puts refusals into a linker, in the place of what is there.
pub(super) fn replace(linker: &mut Linker<State>, rules: Rules) -> wasmtime::Result<Looked> {
    linker.allow_shadowing(true);
    for (refused, interface, functions) in FUNCTIONS.iter().copied() {
        let allowed = match refused {
            Refused::Random => rules.random,
            Refused::Clock => rules.clock,
            Refused::Files | Refused::Network => false,
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
