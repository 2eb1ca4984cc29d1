//! The files below a folder.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The paths of all files below a folder of a checkout, relative to the checkout, in order.
pub(crate) fn below(checkout: &Path, folder: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let path = checkout.join(&folder);
        for entry in fs::read_dir(&path).with_context(|| format!("reading {}", path.display()))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let place = format!("{folder}/{name}");
            if entry.file_type()?.is_dir() {
                open.push(place);
            } else {
                found.push(place);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The path that a relative path means in a file. `None` if it leads out of the checkout.
pub(crate) fn joined(base: &str, path: &str) -> Option<String> {
    if let Some(absolute) = path.strip_prefix('/') {
        return Some(absolute.to_owned());
    }
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn files_are_found_at_any_depth_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("test/b")).unwrap();
        for file in ["test/c.js", "test/b/a.js", "other.js"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        assert_eq!(below(folder.path(), "test").unwrap(), ["test/b/a.js", "test/c.js"]);
        assert!(below(folder.path(), "gone").is_err());
    }

    #[test]
    fn paths_are_relative_to_their_file_or_to_the_checkout() {
        for (base, path, joined_path) in [
            ("a/b.js", "./c.js", Some("a/c.js")),
            ("a/b.js", "../c.js", Some("c.js")),
            ("a/b.js", "/d/c.js", Some("d/c.js")),
            ("b.js", "../c.js", None),
        ] {
            assert_eq!(joined(base, path).as_deref(), joined_path, "{base} {path}");
        }
    }
}
