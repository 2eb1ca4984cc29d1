//! Writes, moves, lists and removes in its `/tmp`, and answers with what was there: at first, meanwhile, in the end.

use std::{fs, io};

fn list(directory: &str) -> io::Result<Vec<String>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

#[bulkhead::handler]
fn tmp(event: String) -> io::Result<[Vec<String>; 3]> {
    let at_first = list("/tmp")?;
    fs::create_dir_all("/tmp/a/b")?;
    fs::write("/tmp/new", event)?;
    fs::rename("/tmp/new", "/tmp/a/b/text")?;
    let text = fs::read_to_string("/tmp/a/../a/b/text")?;
    let meanwhile = [list("/tmp")?, list("/tmp/a/b")?, vec![text]].concat();
    fs::remove_dir_all("/tmp/a")?;
    fs::write("/tmp/left", "for the next event to look for")?;
    Ok([at_first, meanwhile, list("/tmp")?])
}

fn main() {}
