//! The place of a key in `bulkhead.toml`, for errors that are found after the file was read: a component or a
//! directory that does not exist. They are rare, so the file is read again in place of keeping every line.

use std::path::Path;

use super::FILE;
use super::document::{path, read};
use super::tree::{ROOT, Value};

/// The file, the line and the key: `bulkhead.toml:12: handlers.hello.source`. `table` is the path of the table, as in
/// [`Policy::table`](crate::policy::Policy). A key that is missing has the line of its table. There is no line if the
/// file cannot be read any more.
pub fn place_of(task_root: &Path, table: &str, key: &str) -> String {
    let key = path(table, key);
    let text = std::fs::read_to_string(task_root.join(FILE)).unwrap_or_default();
    match line_of(&text, &key) {
        Some(line) => format!("{FILE}:{line}: {key}"),
        None => format!("{FILE}: {key}"),
    }
}

fn line_of(text: &str, key: &str) -> Option<usize> {
    let (_, tree) = read(text);
    let (mut id, mut above, mut line) = (ROOT, String::new(), None);
    while tree.node(id).value == Value::Table {
        let mut within = tree.node(id).within.iter().map(|id| (path(&above, &tree.node(*id).key), *id));
        let leads_on =
            |path: &str| key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let Some((path, next)) = within.find(|(path, _)| leads_on(path)) else { break };
        line = Some(tree.node(next).line);
        (id, above) = (next, path);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_line_and_one_that_is_missing_the_line_of_its_table() {
        let text = "[limits]\nlogs = 1\n\n[handlers.\"a.b\"]\nsource = \"x.wasm\"\n[handlers.c]\n";
        let line = |key: &str| line_of(text, key);
        assert_eq!(line("handlers.\"a.b\".source"), Some(5));
        assert_eq!(line("handlers.\"a.b\".digest"), Some(4));
        assert_eq!(line("handlers.c.source"), Some(6));
        assert_eq!(line("tenants.acme.handler"), None);
        assert_eq!(line("limits.logs.deeper"), Some(2));
        assert_eq!(line("limits.log"), Some(1));
    }

    #[test]
    fn a_place_is_shown_with_or_without_its_line() {
        let root = tempfile::tempdir().unwrap();
        let place = || place_of(root.path(), "handlers.\"a.b\"", "source");
        assert_eq!(place(), "bulkhead.toml: handlers.\"a.b\".source");
        std::fs::write(root.path().join(FILE), "\n[handlers.\"a.b\"]\n").unwrap();
        assert_eq!(place(), "bulkhead.toml:2: handlers.\"a.b\".source");
    }
}
