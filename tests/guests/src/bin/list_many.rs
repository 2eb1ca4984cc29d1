//! Begins so many listings of `/assets` as the event says, reads one name of each, holds all of them, and answers with how many
//! it got and how many names the last one has in all.

use std::fs::{self, ReadDir};

#[bulkhead::handler]
fn list_many(listings: usize) -> (usize, usize) {
    let begin = || {
        let mut listing = fs::read_dir("/assets").ok()?;
        listing.next()?.ok()?;
        Some(listing)
    };
    let mut held: Vec<ReadDir> = (0..listings).map_while(|_| begin()).collect();
    let names = held.last_mut().map_or(0, |listing| 1 + listing.flatten().count());
    (held.len(), names)
}

fn main() {}
