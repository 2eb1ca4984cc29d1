//! The policy of each handler, the imports that are not granted, and the requests that were denied.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::Page;
use crate::check::{self, Granted};
use crate::dev::http::response;

/// The policies of one version. They are kept, because all components are loaded to read them.
#[derive(Debug, Default)]
pub(super) struct Policies(Mutex<Option<(u64, Arc<Found>)>>);

#[derive(Debug)]
struct Found {
    handlers: Vec<Value>,
    problem: Option<String>,
    granted: Granted,
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
    let denials = denials(&page, &found.granted);
    let policies = json!({ "handlers": found.handlers, "problem": found.problem, "denials": denials });
    response::json(StatusCode::OK, &policies)
}

/// The policies of the version that runs.
async fn found(page: &Page) -> Arc<Found> {
    let version = page.state.status.current().version;
    if let Some(found) = page.policies.known(version) {
        return found;
    }
    let (root, names) = (page.root.clone(), page.state.functions.names());
    // It compiles components.
    let found = tokio::task::spawn_blocking(move || {
        let policies = check::policies_of(&root, &names)?;
        Ok::<_, anyhow::Error>(Found { handlers: policies, problem: None, granted: check::granted(&root)? })
    });
    let failed =
        |problem: String| Found { handlers: Vec::new(), problem: Some(problem), granted: Granted::default() };
    let found = match found.await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => failed(format!("{error:#}")),
        Err(error) => failed(error.to_string()),
    };
    let found = Arc::new(found);
    page.policies.keep(version, &found);
    found
}

/// Each denial, with the line that would grant it in addition to the current grants.
fn denials(page: &Page, granted: &Granted) -> Vec<Value> {
    let seen = page.state.functions.shared.records.denials().into_iter();
    seen.map(|((function, denial), (events, last))| {
        let mut values = granted.of(denial.table.as_deref(), denial.key);
        let is_granted = denial.value.as_ref().is_some_and(|value| values.contains(value));
        values.extend(denial.value.clone().filter(|_| !is_granted));
        // A list of strings in JSON is a valid list in TOML.
        let line = denial.key.map(|key| format!("{key} = {}", json!(values)));
        json!({
            "function": function, "denial": denial, "line": line, "isGranted": is_granted, "events": events,
            "last": last,
        })
    })
    .collect()
}
