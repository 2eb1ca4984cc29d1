//! Counts the visits of each page in a key-value store, and greets as the configuration says.

use bulkhead::key_value::{self, Store};
use bulkhead::{Error, config};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request {
    page: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Response {
    greeting: String,
    visits: i64,
}

#[bulkhead::handler]
fn visit(request: Request) -> Result<Response, Error> {
    let greeting = config::get("greeting")?.unwrap_or_else(|| "Hello".to_owned());
    let visits = count(&Store::open("visits")?, &request.page)?;
    Ok(Response { greeting, visits })
}

fn count(store: &Store, page: &str) -> Result<i64, key_value::Error> {
    store.increment(&format!("page/{page}"), 1)
}

#[cfg(test)]
#[test]
fn each_page_has_its_own_count() {
    let store = Store::in_memory();
    let counts = ["home", "about", "home"].map(|page| count(&store, page).unwrap());
    assert_eq!(counts, [1, 1, 2]);
}
