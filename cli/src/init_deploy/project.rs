//! Reads the project's settings for its function.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::policy::manifest::{FILE, Handler, Manifest, Receipts, TenantSource};
use bulkhead_host::policy::{InvokeMode, OtherEvents};
use bulkhead_host::wasm::{Description, Kind};

use super::access::Access;
use super::reads::Reads;
use super::script;
use super::sources::Source;
use crate::build::{self, PLACE, Project};
use crate::suggest;

/// The project's settings, before any option is applied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// A name for the function.
    pub(super) name: String,
    /// The value of `_HANDLER`.
    pub(super) handler: String,
    /// Whether the tenants are identified by Lambda's own tenant id.
    pub(super) by_tenant_id: bool,
    /// Whether the handler is an HTTP service that streams its responses.
    pub(super) streams: bool,
    /// Whether the handler streams its responses because of its kind.
    pub(super) is_streaming: bool,
    /// Whether events that are not HTTP requests fail.
    pub(super) is_http_only: bool,
    /// The source that suits the project, and why.
    pub(super) suggested: Option<(Source, &'static str)>,
    pub(super) has_tenants: bool,
    pub(super) has_receipts: bool,
    /// What its role has to read.
    pub(super) reads: Option<Reads>,
    /// What its role needs for credentials and stores.
    pub(super) access: Access,
}

impl Known {
    /// Reads the project that a folder belongs to. If the command line names the handler, the project need
    /// not have one.
    pub(super) fn of(folder: &Path, handler: Option<&str>) -> anyhow::Result<Self> {
        if let Some(handler) = handler.filter(|_| !is_project(folder)) {
            let (name, handler) = (handler.to_owned(), handler.to_owned());
            return Ok(Self::unknown(name, handler));
        }
        let project = Project::find(folder)?;
        let handlers = build::handlers(&project)?;
        let name = project.root.file_name().context("the project's folder has no name; pass --name NAME")?;
        Self::from(&project.manifest, &handlers, handler, &name.to_string_lossy(), &project.root)
    }

    /// A function of which only the names are known.
    pub(super) fn unknown(name: String, handler: String) -> Self {
        Self {
            name,
            handler,
            by_tenant_id: false,
            streams: false,
            is_streaming: false,
            is_http_only: false,
            suggested: None,
            has_tenants: false,
            has_receipts: true,
            reads: None,
            access: Access::default(),
        }
    }

    /// `sources` is the project's folder, with the scripts, and with the components if they have been built.
    fn from(
        manifest: &Manifest,
        handlers: &[String],
        asked: Option<&str>,
        folder: &str,
        sources: &Path,
    ) -> anyhow::Result<Self> {
        let root = &sources.join(PLACE);
        let handler = match (asked, handlers) {
            (Some(asked), _) => {
                let names: Vec<&str> = handlers.iter().map(String::as_str).collect();
                ensure!(names.contains(&asked), "{}", suggest::missing("handler", asked, &names));
                asked
            }
            (None, [only]) => only,
            // If the tenant decides the handler of each event, any name will do: Lambda requires one.
            (None, [first, ..]) if !manifest.tenants.is_empty() => first,
            (None, []) => bail!("this project has no handler; pass --handler NAME"),
            (None, _) => bail!(
                "several handlers could get the events; pass --handler with one of {}, or add [tenants] to {FILE}",
                handlers.join(", ")
            ),
        };
        let name = if handlers.len() == 1 { handler } else { folder };
        let by_tenant_id = manifest.has_tenants() && manifest.routing.tenant == TenantSource::Lambda;
        let entry = manifest.handlers.iter().find(|other| other.name == handler);
        let policy = entry.map(|entry| &entry.policy);
        let streams = policy.is_some_and(|policy| policy.invoke_mode == InvokeMode::ResponseStream);
        // What its text says counts for a script, whose component is the engine of all.
        let kind = match entry.and_then(|entry| entry.script.as_deref()) {
            Some(entry) => script::kind(&sources.join(entry)),
            None => kind(root, handler, entry),
        };
        let is_http = kind == Some(Kind::Http) || streams;
        let takes_others = policy.is_some_and(|policy| policy.other_events != OtherEvents::Reject);
        Ok(Self {
            name: name.to_owned(),
            handler: handler.to_owned(),
            by_tenant_id,
            streams,
            is_streaming: kind == Some(Kind::Streaming),
            is_http_only: is_http && !takes_others,
            suggested: Source::suggested(manifest, kind, streams),
            has_tenants: manifest.has_tenants(),
            has_receipts: manifest.receipts != Receipts::Off,
            reads: Reads::of(manifest),
            access: Access::of(manifest),
        })
    }
}

/// The kind of the handler's component, if it has been built.
fn kind(root: &Path, handler: &str, entry: Option<&Handler>) -> Option<Kind> {
    let source = entry.map_or_else(|| format!("{handler}.wasm").into(), |entry| entry.source.clone());
    let component = std::fs::read(root.join(source)).ok()?;
    Kind::of(&Description::read(&component)?.exports).ok()
}

fn is_project(folder: &Path) -> bool {
    let Ok(folder) = std::fs::canonicalize(folder) else { return false };
    folder.ancestors().any(|above| above.join(FILE).is_file() || above.join("Cargo.toml").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(manifest: &str, asked: Option<&str>) -> anyhow::Result<Known> {
        let manifest = Manifest::parse(manifest).unwrap();
        let handlers: Vec<String> = manifest.handlers.iter().map(|handler| handler.name.clone()).collect();
        Known::from(&manifest, &handlers, asked, "shop", Path::new("/nowhere"))
    }

    #[test]
    fn the_only_handler_is_the_function() {
        let found = known("[handlers.hello]\ninvoke_mode = \"response_stream\"", None).unwrap();
        assert_eq!((&*found.name, &*found.handler), ("hello", "hello"));
        assert!(found.streams && !found.by_tenant_id);
    }

    #[test]
    fn of_several_handlers_one_is_named_or_tenants_say_whose_an_event_is() {
        let two = "[handlers.cart]\n[handlers.pay]\n";
        let error = known(two, None).unwrap_err().to_string();
        assert!(error.contains("--handler with one of cart, pay"), "{error}");
        let found = known(two, Some("pay")).unwrap();
        assert_eq!((&*found.name, &*found.handler), ("shop", "pay"));
        assert!(known(two, Some("pray")).unwrap_err().to_string().contains("did you mean pay?"));
        let found = known(&format!("{two}[tenants.acme]\nhandler = \"pay\""), None).unwrap();
        assert!(found.by_tenant_id && found.handler == "cart", "{found:?}");
        let elsewhere = "[routing]\ntenant = { header = \"x-tenant\" }\n[tenants.acme]\nhandler = \"pay\"\n";
        assert!(!known(&format!("{elsewhere}{two}"), None).unwrap().by_tenant_id);
    }

    #[test]
    fn without_a_project_the_handler_has_to_be_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Known::of(folder.path(), Some("hello")).unwrap().name, "hello");
        assert!(Known::of(folder.path(), None).unwrap_err().to_string().contains("bulkhead new NAME"));
    }
}
