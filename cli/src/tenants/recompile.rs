//! `bulkhead tenants recompile`: native code for another build of Bulkhead.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{bail, ensure};
use bulkhead_host::engine::{BUILD, Target};
use bulkhead_host::store::{Code, ComponentCode, Handler, Native, Record};
use clap::Args;
use serde_json::json;

use super::code::{self, fetched};
use super::compile::{compile, targets};
use super::contents::{State, records};
use super::files::StoreFiles;
use super::publish::{Conflict, Draft, Publisher};
use super::{KeyFile, Place, named, print};
use crate::compile::parse_target;
use crate::output::{self, tell};

/// The number of builds whose native code a record keeps: the new one, and those of bootstraps that still run.
const BUILDS: usize = 3;

/// The number of times that a tenant is compiled again because it was changed meanwhile.
const ATTEMPTS: usize = 3;

/// Compile the components of all tenants for this version of Bulkhead, and sign their records anew.
///
/// A script is compiled for every version where it runs, so there is nothing to do for its tenant, unless you pass --valid-for.
///
/// Do this with the command of a new release before you deploy the bootstrap of that release. The native code for the
/// bootstraps that still run is kept. A tenant is valid for as long as before.
///
/// Example: bulkhead tenants recompile --key store.pem
#[derive(Debug, Args)]
pub(crate) struct Recompile {
    /// The processors: x86_64, or aarch64 (arm64 in Lambda); may be repeated [default: those that a tenant's record has]
    #[arg(long, value_parser = parse_target)]
    target: Vec<Target>,
    #[command(flatten)]
    key: KeyFile,
    /// Make every tenant valid for this long from now, such as 30days [default: until when it is valid now]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    valid_for: Option<Duration>,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Recompile {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let key = self.key.read(&opened.settings)?;
        let publisher = opened.publisher(&key, self.valid_for);
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for entry in records(&opened.files, &opened.settings)? {
            let tenant = match entry.record {
                Ok(record) => record.tenant,
                Err(error) => {
                    failed.push(format!("{}: {error}", entry.key));
                    continue;
                }
            };
            match self.tenant(&publisher, &tenant) {
                Ok(record) => done.extend(record),
                Err(error) => failed.push(format!("{}: {error:#}", named(&tenant))),
            }
        }
        self.report(&done, &failed)
    }

    /// Compiles a tenant, unless it was removed or has expired.
    fn tenant(&self, publisher: &Publisher<'_, StoreFiles>, tenant: &str) -> anyhow::Result<Option<Record>> {
        for _ in 0..ATTEMPTS {
            let Some(current) = publisher.settled(tenant)? else { return Ok(None) };
            let Record { version, expires, handler, .. } = current.record;
            let Some(handler) = handler.filter(|_| State::of(&expires) == State::Valid) else {
                return Ok(None);
            };
            // A script has no native code.
            let has_nothing_to_do = matches!(handler.code, Code::Script(_)) && self.valid_for.is_none();
            if has_nothing_to_do {
                return Ok(None);
            }
            let draft = self.draft(publisher, handler)?;
            let draft = |_: Option<&Record>| {
                Ok(Draft { handler: draft.handler.clone(), code: Rc::clone(&draft.code) })
            };
            match publisher.publish(tenant, Some(version), draft) {
                Err(error) if error.downcast_ref::<Conflict>().is_some() => {}
                published => return published.map(Some),
            }
        }
        bail!("it is changed by others all the time; try again")
    }

    fn draft(&self, publisher: &Publisher<'_, StoreFiles>, handler: Handler) -> anyhow::Result<Draft> {
        let policy = publisher.store.policy(&handler.settings)?;
        let Code::Component(component) = &handler.code else {
            let code = Rc::new(code::Code::fetch(publisher.files, &handler)?);
            return Ok(Draft { handler: Some(handler), code });
        };
        let asked = match self.target.as_slice() {
            [] => component.native.iter().filter_map(|native| Target::parse(&native.target)).collect(),
            asked => asked.to_vec(),
        };
        let folder = tempfile::tempdir()?;
        let file = fetched(publisher.files, &component.component, folder.path())?;
        let compiled = compile(&file, &targets(&asked)?, &policy)?;
        let native = merged(&compiled.native, &component.native);
        let code = Code::Component(ComponentCode { native, ..component.clone() });
        Ok(Draft { handler: Some(Handler { code, ..handler }), code: compiled.code })
    }

    fn report(&self, done: &[Record], failed: &[String]) -> anyhow::Result<()> {
        if self.json {
            output::print_json(&json!({ "build": BUILD, "records": done, "failed": failed }))?;
        } else {
            done.iter().for_each(|record| tell(&format!("compiled {}", print::line(record))));
            failed.iter().for_each(|text| tell(text));
            tell(&format!("compiled {} tenants for {BUILD}; {} failed", done.len(), failed.len()));
        }
        ensure!(failed.is_empty(), "{} tenants cannot be compiled", failed.len());
        Ok(())
    }
}

/// The new native code, and that of the builds before it.
fn merged(new: &[Native], before: &[Native]) -> Vec<Native> {
    let mut merged = new.to_vec();
    let mut builds = vec![BUILD.to_owned()];
    for native in before {
        let is_new = new.iter().any(|new| new.target == native.target && new.build == native.build);
        if !builds.contains(&native.build) {
            builds.push(native.build.clone());
        }
        if !is_new && builds.iter().take(BUILDS).any(|build| *build == native.build) {
            merged.push(native.clone());
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use bulkhead_host::store::Digest;

    use super::*;

    #[test]
    fn the_code_of_the_builds_before_is_kept_for_a_while() {
        let native = |target: &str, build: &str, code: &str| Native {
            target: target.to_owned(),
            build: build.to_owned(),
            digest: Digest::of(code.as_bytes()),
            bytes: 1,
        };
        let new = [native("x86_64", BUILD, "new")];
        let before = [
            native("x86_64", BUILD, "old"),
            native("aarch64", BUILD, "other"),
            native("x86_64", "3", "3"),
            native("x86_64", "2", "2"),
            native("aarch64", "2", "2a"),
            native("x86_64", "1", "1"),
        ];
        let merged = merged(&new, &before);
        let kept =
            [new[0].clone(), before[1].clone(), before[2].clone(), before[3].clone(), before[4].clone()];
        assert_eq!(merged, kept);
    }
}
