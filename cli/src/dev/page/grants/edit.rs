//! Adds grants to the text of `bulkhead.toml` and leaves everything else in it as it is, and finds the lines that this
//! has changed.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table};

/// What to add to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Addition {
    /// The keys that lead to the table.
    pub(super) table: Vec<String>,
    pub(super) entries: Vec<(&'static str, Value)>,
}

/// What to add to the value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Elements of a list.
    List {
        /// What a list that is not there yet begins with.
        start: Vec<String>,
        more: Vec<String>,
    },
    /// This text, in place of what is there.
    Text(String),
}

/// Lines of a changed file, and the lines that they replace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The first and the last line that it replaces, from 1. `None` if it only adds lines to the end.
    pub(super) lines: Option<(usize, usize)>,
    pub(super) text: String,
}

/// The text with these additions. `None` if it cannot have them.
pub(super) fn added(text: &str, additions: &[Addition]) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    // New tables go beside a table that changes, so that the block is short, or else to the end.
    let there = additions.iter().find_map(|addition| position(&document, &addition.table));
    let position = there.unwrap_or(isize::MAX);
    for addition in additions {
        let table = table(document.as_item_mut(), &addition.table, position)?;
        addition.entries.iter().try_for_each(|(key, value)| add(table, key, value))?;
    }
    Some(document.to_string())
}

/// The place of a table that is there.
fn position(document: &DocumentMut, path: &[String]) -> Option<isize> {
    let table = path.iter().try_fold(document.as_item(), |item, key| item.get(key))?;
    table.as_table().filter(|table| !table.is_implicit()).and_then(Table::position)
}

/// A table, which is made if it is missing.
fn table<'d>(root: &'d mut Item, path: &[String], position: isize) -> Option<&'d mut Item> {
    let Some((last, above)) = path.split_last() else { return Some(root) };
    let mut item = root;
    for key in above {
        item = entry(item, key, || {
            let mut table = Table::new();
            table.set_implicit(true);
            table
        })?;
    }
    entry(item, last, || {
        let mut table = Table::new();
        table.set_position(Some(position));
        table
    })
}

/// The item of a key, which is made if it is missing.
fn entry<'d>(item: &'d mut Item, key: &str, new: impl FnOnce() -> Table) -> Option<&'d mut Item> {
    if item.get(key).is_none() {
        match item {
            Item::Table(table) => drop(table.insert(key, Item::Table(new()))),
            // A table in braces can only contain other tables in braces.
            Item::Value(toml_edit::Value::InlineTable(table)) => {
                drop(table.insert(key, InlineTable::new().into()))
            }
            Item::None | Item::Value(_) | Item::ArrayOfTables(_) => return None,
        }
    }
    item.get_mut(key)
}

fn add(table: &mut Item, key: &str, value: &Value) -> Option<()> {
    let table = table.as_table_like_mut()?;
    match value {
        Value::Text(text) => drop(table.insert(key, toml_edit::value(text.as_str()))),
        Value::List { start, more } => {
            if table.get(key).is_none() {
                table.insert(key, toml_edit::value(start.iter().collect::<Array>()));
            }
            let list = table.get_mut(key)?.as_array_mut()?;
            for element in more {
                if !list.iter().any(|there| there.as_str() == Some(element)) {
                    list.push(element.as_str());
                }
            }
        }
    }
    Some(())
}

/// The lines of `after` that differ from those of `before`, from the head of their table on.
pub(super) fn block(before: &str, after: &str) -> Block {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let text = |from: usize, to: usize| {
        let lines = after.get(from..to).unwrap_or_default();
        let blank = lines.iter().take_while(|line| line.trim().is_empty()).count();
        lines.iter().skip(blank).map(|line| format!("{line}\n")).collect::<String>()
    };
    if same == before.len() {
        return Block { lines: None, text: text(same, after.len()) };
    }
    let rest = before.len().min(after.len()) - same;
    let ends = before.iter().rev().zip(after.iter().rev()).take(rest);
    let end = ends.take_while(|(one, other)| one == other).count();
    let (mut first, mut last) = (same, before.len() - end);
    let is_head = |at: usize| after.get(at).is_some_and(|line| line.trim_start().starts_with('['));
    while first > 0 && (!is_head(first) || last <= first) {
        first -= 1;
    }
    // Something is replaced in any case, so that its place can be named.
    last = last.max(first + 1);
    let end = before.len() - last;
    Block { lines: Some((first + 1, last)), text: text(first, after.len() - end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(table: &str, hosts: &[&str]) -> Addition {
        let more = hosts.iter().map(|host| (*host).to_owned()).collect();
        let entries = vec![("hosts", Value::List { start: Vec::new(), more })];
        Addition { table: table.split('/').map(str::to_owned).collect(), entries }
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        for (before, after) in [
            ("", "[a.g]\nhosts = [\"x\"]\n"),
            ("# mine\n[a]\nb = 1 # one\n", "# mine\n[a]\nb = 1 # one\n\n[a.g]\nhosts = [\"x\"]\n"),
            ("[a.g]\nhosts = [\"y\"] # these\n", "[a.g]\nhosts = [\"y\", \"x\"] # these\n"),
            ("[a.g]\nhosts = [\"x\"]\n", "[a.g]\nhosts = [\"x\"]\n"),
            ("[a.g]\n\n[b]\n", "[a.g]\nhosts = [\"x\"]\n\n[b]\n"),
            ("[a]\ng.n = 1\n", "[a]\ng.n = 1\ng.hosts = [\"x\"]\n"),
            ("a = { b = 1 }\n", "a = { b = 1 , g = { hosts = [\"x\"] } }\n"),
            ("[a]\ng = {}\n", "[a]\ng = { hosts = [\"x\"] }\n"),
        ] {
            assert_eq!(added(before, &[hosts("a/g", &["x"])]).as_deref(), Some(after), "{before}");
        }
        for wrong in ["a = 1", "[a]\ng.hosts = 1", "[[a]]", "a ="] {
            assert_eq!(added(wrong, &[hosts("a/g", &["x"])]), None, "{wrong}");
        }
    }

    #[test]
    fn two_tables_are_beside_each_other_if_one_is_there() {
        let before = "[t.g]\nhosts = []\n\n[z]\nn = 1\n";
        let after = added(before, &[hosts("h/max", &["x"]), hosts("t/g", &["x"])]).unwrap();
        assert_eq!(block(before, &after).lines, Some((1, 2)), "{after}");
        assert!(after.ends_with("\n[z]\nn = 1\n"), "{after}");
    }

    #[test]
    fn a_block_begins_with_the_head_of_its_table_and_says_what_it_replaces() {
        let block_of = |before: &str, after: &str| {
            let Block { lines, text } = block(before, after);
            (lines, text)
        };
        let file = "[a]\nb = 1\nc = 2\n\n[d]\n";
        assert_eq!(
            block_of(file, "[a]\nb = 1\nc = 3\n\n[d]\n"),
            (Some((1, 3)), "[a]\nb = 1\nc = 3\n".to_owned())
        );
        assert_eq!(block_of(file, &format!("{file}\n[e]\nf = 1\n")), (None, "[e]\nf = 1\n".to_owned()));
        assert_eq!(
            block_of(file, "[a]\nb = 1\nc = 2\ng = 1\n\n[d]\n"),
            (Some((1, 3)), "[a]\nb = 1\nc = 2\ng = 1\n".to_owned())
        );
        assert_eq!(block_of("# end\n", "[a]\n# end\n"), (Some((1, 1)), "[a]\n# end\n".to_owned()));
        assert_eq!(block_of("", "[a]\n"), (None, "[a]\n".to_owned()));
    }
}
