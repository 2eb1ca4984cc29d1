//! The policy of each handler, the imports that are not granted, and the requests that were denied.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::Page;
use super::grants::{Editable, Grant};
use crate::check;
use crate::dev::http::response;
use crate::dev::records::{Denial, SeenDenial};

/// The policies of one version. They are kept, because all components are loaded to read them.
#[derive(Debug, Default)]
pub(super) struct Policies(Mutex<Option<(u64, Arc<Found>)>>);

#[derive(Debug)]
struct Found {
    handlers: Vec<Value>,
    problem: Option<String>,
}

impl Policies {
    fn known(&self, version: u64) -> Option<Arc<Found>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(of, _)| *of == version).map(|(_, found)| Arc::clone(found))
    }

    fn keep(&self, version: u64, found: &Arc<Found>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, Arc::clone(found)));
    }
}

pub(super) async fn serve(State(page): State<Arc<Page>>) -> Response {
    let found = found(&page).await;
    let seen = page.state.functions.shared.records.denials();
    // Each block is tried with the whole manifest.
    let denied = tokio::task::spawn_blocking(move || denied(page.editable().as_ref(), seen)).await;
    let (denials, mut blocks) = denied.unwrap_or_default();
    let with_blocks = |handler: &Value| {
        let mut handler = handler.clone();
        let blocks = handler["name"].as_str().and_then(|name| blocks.remove(name)).unwrap_or_default();
        handler["blocks"] = json!(blocks);
        handler
    };
    let handlers: Vec<Value> = found.handlers.iter().map(with_blocks).collect();
    let policies = json!({ "handlers": handlers, "problem": found.problem, "denials": denials });
    response::json(StatusCode::OK, &policies)
}

/// The policies of the version that runs.
async fn found(page: &Page) -> Arc<Found> {
    let version = page.state.status.current().version;
    if let Some(found) = page.policies.known(version) {
        return found;
    }
    let (root, names) = (page.folders.root.clone(), page.state.functions.names());
    // It compiles components.
    let found = tokio::task::spawn_blocking(move || {
        let policies = check::policies_of(&root, &names)?;
        Ok::<_, anyhow::Error>(Found { handlers: policies, problem: None })
    });
    let failed = |problem: String| Found { handlers: Vec::new(), problem: Some(problem) };
    let found = match found.await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => failed(format!("{error:#}")),
        Err(error) => failed(error.to_string()),
    };
    let found = Arc::new(found);
    page.policies.keep(version, &found);
    found
}

/// The events with a denial, and the tenants whose events they are.
#[derive(Default)]
struct Denied {
    seen: SeenDenial,
    tenants: BTreeSet<String>,
    is_granted: bool,
}

/// Each denial of each handler, and for each handler the blocks that would grant what was denied.
fn denied(
    editable: Option<&Editable>,
    seen: BTreeMap<(String, Denial), SeenDenial>,
) -> (Vec<Value>, HashMap<String, Vec<Grant>>) {
    let mut all: BTreeMap<(String, Denial), Denied> = BTreeMap::new();
    let mut of_handler: BTreeMap<String, Vec<Denial>> = BTreeMap::new();
    for ((function, denial), seen) in seen {
        let handler =
            editable.map_or(&*function, |editable| editable.handler_of(&function, &denial)).to_owned();
        let is_granted = editable.is_some_and(|editable| editable.is_granted(&function, &denial));
        let denied = all.entry((handler.clone(), Denial { tenant: None, table: None, ..denial.clone() }));
        let denied = denied.or_insert_with(|| Denied { is_granted: true, ..Denied::default() });
        denied.seen.add(&seen);
        denied.is_granted &= is_granted;
        denied.tenants.extend(denial.tenant.clone());
        of_handler.entry(handler).or_default().push(denial);
    }
    let grants = |(handler, denials): (String, Vec<Denial>)| {
        let grants = editable?.grants(&handler, &denials.iter().collect::<Vec<_>>());
        Some((handler, grants))
    };
    let shown = |((handler, denial), Denied { seen, tenants, is_granted })| {
        json!({
            "handler": handler, "denial": denial, "tenants": tenants, "isGranted": is_granted,
            "events": seen.events, "last": seen.last,
        })
    };
    (all.into_iter().map(shown).collect(), of_handler.into_iter().filter_map(grants).collect())
}
