//! The tenants that can be served: those of `bulkhead.toml`, and those of the store.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bulkhead_host::policy::manifest::{Manifest, Store};
use hyper::StatusCode;
use serde::Serialize;

use super::Page;
use crate::dev::http::response;
use crate::tenants::{Listed, roots_of};

/// The most tenants of each kind. The page asks again and again, and each tenant of the store is a file.
const MOST: usize = 500;

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tenants {
    /// The number of tenants in `bulkhead.toml`.
    count: usize,
    tenants: Vec<OfManifest>,
    store: Option<OfStore>,
}

/// A tenant of `bulkhead.toml`.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct OfManifest {
    id: String,
    handler: String,
}

/// The tenants of the store, or the reason why they cannot be listed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OfStore {
    url: String,
    #[serde(flatten)]
    listed: Listed,
    problem: Option<String>,
}

/// The tenants as they are now.
pub(super) async fn serve(State(page): State<Arc<Page>>) -> Response {
    let tenants = tokio::task::spawn_blocking(move || tenants(&page, &page.folders.manifest()));
    response::json(StatusCode::OK, &tenants.await.unwrap_or_default())
}

/// The ids of the tenants of a store, as far as they are listed.
pub(super) fn ids_in_store(page: &Page, manifest: &Manifest) -> Vec<String> {
    let listed = manifest.store.as_ref().and_then(|store| list(page, manifest, store).ok());
    let valid =
        listed.into_iter().flat_map(|listed| listed.tenants).filter(|tenant| tenant.version.is_some());
    valid.map(|tenant| tenant.id).collect()
}

fn list(page: &Page, manifest: &Manifest, store: &Store) -> anyhow::Result<Listed> {
    page.lister.list(store, roots_of(&page.folders.root, &manifest.extra_ca_certificates)?, MOST)
}

fn tenants(page: &Page, manifest: &Manifest) -> Tenants {
    let mut tenants: Vec<OfManifest> = manifest
        .tenants
        .iter()
        .filter_map(|(id, tenant)| {
            let handler = manifest.handlers.get(tenant.handler)?.name.clone();
            Some(OfManifest { id: id.to_string(), handler })
        })
        .collect();
    let count = tenants.len();
    tenants.sort_by(|one, other| one.id.cmp(&other.id));
    tenants.truncate(MOST);
    let store = manifest.store.as_ref().map(|store| OfStore::new(store, list(page, manifest, store)));
    Tenants { count, tenants, store }
}

impl OfStore {
    fn new(store: &Store, listed: anyhow::Result<Listed>) -> Self {
        let (listed, problem) = match listed {
            Ok(listed) => (listed, None),
            Err(error) => (Listed::default(), Some(format!("{error:#}"))),
        };
        Self { url: store.url.to_string(), listed, problem }
    }
}
