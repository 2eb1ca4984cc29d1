//! Reads the file that the event names, lists a directory, or tries to write there, and answers with what came of it.

use std::fs;

#[bulkhead::handler]
fn read(path: String) -> (Result<String, String>, Vec<String>, bool) {
    let text = fs::read_to_string(&path).map_err(|error| format!("{:?}", error.kind()));
    let entries = fs::read_dir(&path).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let changed = [
        fs::write(&path, "changed").is_ok(),
        fs::write(format!("{path}/new"), "new").is_ok(),
        fs::remove_file(&path).is_ok(),
        fs::rename(&path, format!("{path}.moved")).is_ok(),
        fs::create_dir(format!("{path}.directory")).is_ok(),
    ];
    (text, names, changed.contains(&true))
}

fn main() {}
