//! Reads records and native code from the store, and checks them. Everything here may block.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::Absence;
use super::cache::{CodeOf, Known};
use crate::dispatch::catalog::Source;
use crate::engine::{BUILD, Target};
use crate::policy::Policy;
use crate::policy::manifest::Store;
use crate::sandbox::component::{self, Loaded};
use crate::store::layout::Key;
use crate::store::{Digest, Expected, Handler, MAX_ENVELOPE, ReadError, Reader, Reading, Record, State};
use crate::text::bounded;

/// How much of a reason is reported: it can contain names of a component's.
const MAX_REASON: usize = 1024;

/// Reads one store.
pub(super) struct Fetcher {
    settings: Store,
    reader: Reader,
    source: Source,
}

/// What was found in place of a record.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The record is the one that is known.
    Unchanged,
    /// A record of a tenant.
    Tenant(Box<FetchedTenant>),
    /// No tenant. If its removal was signed, with the version of that.
    Absent(Absence, Option<u64>),
}

/// A record that can be used.
#[derive(Debug)]
pub(super) struct FetchedTenant {
    pub(super) version: u64,
    pub(super) expires: SystemTime,
    pub(super) policy: Policy,
    pub(super) code: CodeOf,
    pub(super) state: State,
}

impl Fetcher {
    pub(super) fn new(settings: &Store, reader: Reader, source: Source) -> Self {
        Self { reader, settings: settings.clone(), source }
    }

    /// Fetches the record of a tenant, unless it is the one that is known.
    pub(super) fn record(&self, id: &str, known: &Known) -> Fetched {
        let key = Key::record(id);
        let (file, state) = match self.reader.read(&key, MAX_ENVELOPE, known.state.as_ref()) {
            Ok(Reading::Found(state, file)) => (file, state),
            Ok(Reading::Unchanged) => return Fetched::Unchanged,
            Ok(Reading::Absent) => return Fetched::Absent(Absence::Unknown, None),
            Err(error) => return Fetched::Absent(unreadable(&error), None),
        };
        let Store { name, public_keys, .. } = &self.settings;
        let expected = Expected { tenant: id, store: name, seen: known.version, now: SystemTime::now() };
        let record = match Record::open(&file, public_keys, expected) {
            Ok(record) => record,
            Err(error) => return Fetched::Absent(invalid(error), None),
        };
        let version = record.version;
        let Some(handler) = record.handler else { return Fetched::Absent(Absence::Unknown, Some(version)) };
        match self.tenant(handler) {
            Ok((policy, code)) => {
                let tenant = FetchedTenant { version, expires: record.expires, policy, code, state };
                Fetched::Tenant(Box::new(tenant))
            }
            Err(absence) => Fetched::Absent(absence, Some(version)),
        }
    }

    fn tenant(&self, handler: Handler) -> Result<(Policy, CodeOf), Absence> {
        let policy = self.settings.policy(&handler.settings).map_err(invalid)?;
        let target = Target::host().map_or("this processor", Target::name);
        let Some(native) = handler.native_for(target, BUILD).cloned() else {
            return Err(invalid(format_args!(
                "it has no native code for {BUILD} on {target}; run `bulkhead tenants recompile` with the command of \
                 this version"
            )));
        };
        if native.bytes > self.settings.cache {
            return Err(invalid(format_args!(
                "its native code has {} bytes, and `cache` in [store] is {}",
                native.bytes, self.settings.cache
            )));
        }
        let Handler { component, kind, .. } = handler;
        Ok((policy, CodeOf { native, component, kind }))
    }

    /// Fetches native code. What is loaded are the bytes whose digest was compared.
    pub(super) fn code(&self, code: &CodeOf) -> Result<Loaded, Absence> {
        let key = Key::native(&code.native.digest);
        let read = self.reader.read(&key, code.native.bytes, None).map_err(|error| unreadable(&error))?;
        let Reading::Found(_, bytes) = read else {
            return Err(Absence::Unavailable(format!("{key}: the file is not in the store").into()));
        };
        if Digest::of(&bytes) != code.native.digest {
            return Err(invalid(format_args!("{key}: the file has another digest")));
        }
        let Source { engine, imports, .. } = &self.source;
        let path = Path::new(key.as_str());
        let loaded =
            component::map_bytes(engine, imports, &bytes, code.component.as_str(), path).map_err(invalid)?;
        if loaded.kind().name() != code.kind {
            return Err(invalid(format_args!(
                "its component is of the kind {}, and not of the kind {:?}",
                loaded.kind().name(),
                code.kind
            )));
        }
        Ok(loaded)
    }
}

fn unreadable(error: &ReadError) -> Absence {
    if error.is_of_content() { invalid(error) } else { Absence::Unavailable(reason(error)) }
}

fn invalid(why: impl std::fmt::Display) -> Absence {
    Absence::Invalid(reason(why))
}

fn reason(why: impl std::fmt::Display) -> Arc<str> {
    bounded::text(why, MAX_REASON).into()
}
