//! Does all that a store can do, in the store that the event names, and answers with what it found.

use bulkhead::key_value::{Error, Store};

#[bulkhead::handler]
fn key_value_many(name: String) -> Result<(i64, String, usize, usize, usize), Error> {
    let store = Store::open(&name)?;
    let pairs: Vec<(String, Vec<u8>)> = (0..60).map(|n| (format!("k{n}"), vec![n])).collect();
    let keys: Vec<&String> = pairs.iter().map(|(key, _)| key).collect();
    store.set_many(&pairs)?;
    let found = store.get_many(&keys)?.into_iter().flatten().count();
    // A text becomes a number, and the number grows.
    store.set("n", "40")?;
    let sum = store.increment("n", 1)? + store.increment("n", 1)?;
    let append = |old: Option<Vec<u8>>| [old.unwrap_or_default(), b"x".to_vec()].concat();
    store.update("c", append)?;
    let updated = String::from_utf8_lossy(&store.update("c", append)?).into_owned();
    let listed = store.keys().count();
    store.delete_many(&keys)?;
    Ok((sum, updated, found, listed, store.keys().count()))
}

fn main() {}
