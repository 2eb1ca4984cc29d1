//! Reads records and native code from the store, and checks them. [`super::scripts`] reads scripts. Everything here may block.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::Absence;
use super::cache::{CodeOf, Known, PART_OF_RECORDS, Runs, Seen};
use crate::dispatch::catalog::Source;
use crate::engine::{BUILD, Target};
use crate::policy::Policy;
use crate::policy::manifest::Store;
use crate::sandbox::component::{self, Loaded};
use crate::script::object;
use crate::store::bucket::ATTEMPTS;
use crate::store::layout::{Key, TENANTS};
use crate::store::{
    Code, ComponentCode, Digest, Expected, Handler, MAX_ENVELOPE, MAX_NATIVE, ReadError, Reader, Reading,
    Record, RecordError, State, envelope, short,
};
use crate::text::bounded;

/// How much of a reason is reported: it can contain names of a component's.
const MAX_REASON: usize = 1024;

/// Reads one store.
pub(super) struct Fetcher {
    settings: Store,
    pub(super) reader: Reader,
    source: Source,
}

/// What was found in place of a record.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The record is the one that is known.
    Unchanged,
    /// A record of a tenant.
    Tenant(Box<FetchedTenant>),
    /// No tenant that can be used, and the signed record that says so, if there is one.
    Absent(Absence, Option<Seen>),
}

/// A record that can be used.
#[derive(Debug)]
pub(super) struct FetchedTenant {
    pub(super) seen: Seen,
    pub(super) expires: SystemTime,
    pub(super) policy: Policy,
    pub(super) runs: Runs,
    pub(super) state: State,
    /// The size of its file.
    pub(super) bytes: u64,
}

impl Fetched {
    /// The reason why there is no record that can be used, and of which tenant.
    pub(super) fn reason(&self, id: &str) -> Option<String> {
        match self {
            Self::Absent(Absence::Unavailable(reason), _) => Some(reason.to_string()),
            Self::Absent(Absence::Invalid(reason), _) => Some(format!("{}: {reason}", Key::record(id))),
            Self::Absent(Absence::Unknown, _) | Self::Unchanged | Self::Tenant(_) => None,
        }
    }
}

impl Fetcher {
    pub(super) fn new(settings: &Store, reader: Reader, source: Source) -> Self {
        Self { reader, settings: settings.clone(), source }
    }

    /// Fetches the record of a tenant, unless it is the one that is known.
    pub(super) fn record(&self, id: &str, known: &Known, attempts: u32) -> Fetched {
        let key = Key::record(id);
        match self.reader.read(&key, MAX_ENVELOPE, known.state.as_ref(), attempts) {
            Ok(Reading::Found(state, file)) => self.opened(id, &file, state, known.seen),
            Ok(Reading::Unchanged) => Fetched::Unchanged,
            Ok(Reading::Absent) => Fetched::Absent(self.without_record(known.seen), None),
            Err(error) => Fetched::Absent(unreadable(&error), None),
        }
    }

    /// Only a signed record removes a tenant: anyone who can write to the store can remove a file.
    fn without_record(&self, seen: Option<Seen>) -> Absence {
        if seen.is_some_and(|seen| seen.has_handler) {
            Absence::Unavailable(
                "its record is missing in the store, and nobody has signed its removal".into(),
            )
        } else if !self.reader.has_records() {
            Absence::Unavailable(reason(format_args!(
                "the store contains no folder {TENANTS:?}; mount its file system, or put the first tenant into it"
            )))
        } else {
            Absence::Unknown
        }
    }

    fn opened(&self, id: &str, file: &[u8], state: State, before: Option<Seen>) -> Fetched {
        let Store { name, public_keys, .. } = &self.settings;
        let opened = envelope::open(file, public_keys)
            .and_then(|(payload, _)| Record::of_payload(&payload).map(|record| (record, short(&payload))));
        let (record, content) = match opened {
            Ok(opened) => opened,
            Err(error) => return Fetched::Absent(invalid(error), None),
        };
        let has_handler = record.handler.is_some();
        let seen = Seen { version: record.version, content, has_handler };
        if let Some(before) = before.filter(|before| before.version == seen.version && *before != seen) {
            let text = format_args!("another record of its version {} was seen before", before.version);
            return Fetched::Absent(invalid(text), None);
        }
        let floor = before.map_or(0, |before| before.version);
        let expected = Expected { tenant: id, store: name, seen: floor, now: SystemTime::now() };
        match (record.check(expected), record.handler) {
            (Err(error @ (RecordError::Tenant { .. } | RecordError::Store { .. })), _) => {
                Fetched::Absent(invalid(error), None)
            }
            // A removal lasts.
            (Ok(()) | Err(RecordError::Expired { .. }), None) => {
                Fetched::Absent(Absence::Unknown, Some(seen))
            }
            (Err(error), _) => Fetched::Absent(invalid(error), Some(seen)),
            (Ok(()), Some(handler)) => match self.tenant(handler) {
                Ok((policy, runs)) => {
                    let bytes = u64::try_from(file.len()).unwrap_or(u64::MAX);
                    let expires = record.expires;
                    Fetched::Tenant(Box::new(FetchedTenant { seen, expires, policy, runs, state, bytes }))
                }
                Err(absence) => Fetched::Absent(absence, Some(seen)),
            },
        }
    }

    fn tenant(&self, handler: Handler) -> Result<(Policy, Runs), Absence> {
        let policy = self.settings.policy(&handler.settings).map_err(invalid)?;
        let runs = match handler.code {
            Code::Component(component) => Runs::Code(self.code_of(component)?),
            Code::Script(digest) if self.settings.scripts => Runs::Script(object::place(digest.as_str())),
            Code::Script(_) => {
                return Err(invalid(
                    "it has a script, and the function has no engine for scripts of the store; set `scripts = true` in [store] of \
                     bulkhead.toml, and deploy the function again",
                ));
            }
        };
        Ok((policy, runs))
    }

    fn code_of(&self, code: ComponentCode) -> Result<CodeOf, Absence> {
        let target = Target::host().map_or("this processor", Target::name);
        let Some(native) = code.native_for(target, BUILD).cloned() else {
            return Err(invalid(format_args!(
                "it has no native code for {BUILD} on {target}; run `bulkhead tenants recompile` with the command of \
                 this version"
            )));
        };
        let cache = self.settings.cache;
        let most = MAX_NATIVE.min(cache - cache / PART_OF_RECORDS);
        if native.bytes > most {
            return Err(invalid(format_args!(
                "its native code has {} bytes; with this `cache` in [store] ({cache}) it may have {most}",
                native.bytes
            )));
        }
        let ComponentCode { component, kind, .. } = code;
        Ok(CodeOf { native, component, kind })
    }

    /// Fetches native code. What is loaded are the bytes whose digest was compared.
    pub(super) fn code(&self, code: &CodeOf) -> Result<Loaded, Absence> {
        let key = Key::native(&code.native.digest);
        let read =
            self.reader.read(&key, code.native.bytes, None, ATTEMPTS).map_err(|error| unreadable(&error))?;
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
        if loaded.needs_script() {
            return Err(invalid(
                "its component is the engine of scripts, and there is no script for it to run; put the script itself, with \
                 `bulkhead tenants put ID --script FILE.js`",
            ));
        }
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

pub(super) fn unreadable(error: &ReadError) -> Absence {
    if error.is_of_content() { invalid(error) } else { Absence::Unavailable(reason(error)) }
}

pub(super) fn invalid(why: impl std::fmt::Display) -> Absence {
    Absence::Invalid(reason(why))
}

fn reason(why: impl std::fmt::Display) -> Arc<str> {
    bounded::text(why, MAX_REASON).into()
}
