//! The functions by name, one for each handler, with their environments and their events in flight.
//!
//! May use: console, http, records.

pub(super) mod call;
pub(super) mod function;
mod host_label;
pub(super) mod request_ids;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulkhead_host::policy::manifest::FILE;

use crate::dev::http::refusal::Refusal;
use crate::dev::http::request::percent_decoded;
use crate::local::Function as Settings;
use function::{Function, Shared};
pub(super) use host_label::host_label;

/// The functions that can be called.
#[derive(Debug)]
pub(super) struct Functions {
    pub(super) shared: Arc<Shared>,
    settings: Settings,
    by_name: Mutex<BTreeMap<String, Arc<Function>>>,
}

impl Functions {
    pub(super) fn new(settings: Settings, shared: Arc<Shared>) -> Self {
        Self { shared, settings, by_name: Mutex::default() }
    }

    /// Starts a new version, which has these handlers.
    pub(super) fn renew(&self, names: &[String]) {
        let mut by_name = self.by_name();
        by_name.retain(|name, function| {
            let stays = names.contains(name);
            if !stays {
                function.retire();
            }
            stays
        });
        for name in names {
            match by_name.get(name) {
                Some(function) => function.renew(),
                None => {
                    let function = Function::new(name, &self.settings, &self.shared);
                    by_name.insert(name.clone(), function);
                }
            }
        }
    }

    /// Finds a function by its name or ARN, or a part of the ARN. The version is in the name or in the query,
    /// or left out.
    pub(super) fn find(&self, name: &str, query: Option<&str>) -> Result<Arc<Function>, Refusal> {
        let name = name.rsplit_once("function:").map_or(name, |(_, name)| name);
        let (name, version) = match name.split_once(':') {
            Some((name, version)) => (name, Some(version.to_owned())),
            None => (name, query.and_then(qualifier)),
        };
        let function = self.by_name().get(name).cloned();
        match (function, version) {
            (Some(function), None) => Ok(function),
            (Some(function), Some(version)) if version == "$LATEST" => Ok(function),
            (_, Some(version)) => Err(Refusal::NoSuchFunction(format!("{name}:{version}"))),
            (None, None) => Err(Refusal::NoSuchFunction(name.to_owned())),
        }
    }

    /// Finds a function by the label in its host name.
    pub(super) fn labelled(&self, wanted: &str) -> Result<Arc<Function>, Refusal> {
        let found = self.by_name().values().find(|function| host_label(&function.name) == wanted).cloned();
        found.ok_or_else(|| Refusal::NoSuchFunction(wanted.to_owned()))
    }

    /// The function of a runtime that does not name one.
    pub(super) fn first(&self) -> Option<Arc<Function>> {
        self.by_name().values().next().cloned()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.by_name().keys().cloned().collect()
    }

    /// The text of `bulkhead.toml`, if there is one.
    pub(super) fn manifest(&self) -> Option<String> {
        std::fs::read_to_string(self.settings.task_root.join(FILE)).ok()
    }

    /// How long an event may take.
    pub(super) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Waits until all events and environments have ended.
    pub(super) async fn end(&self) {
        let functions: Vec<Arc<Function>> = self.by_name().values().cloned().collect();
        functions.iter().for_each(|function| function.retire());
        for function in functions {
            function.ended().await;
        }
    }

    fn by_name(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Function>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn qualifier(query: &str) -> Option<String> {
    query.split('&').find_map(|pair| pair.strip_prefix("Qualifier=")).map(percent_decoded)
}
