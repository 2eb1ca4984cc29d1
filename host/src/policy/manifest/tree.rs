//! The keys and values of a text in TOML, each with its line. A file may have ten thousand tenants, so all of them are in one
//! list: a map for each table takes most of the time of a start.

use std::borrow::Cow;

use toml::de::{DeTable, DeValue};

/// The place of a node in the list.
pub(super) type Id = usize;

/// The table around all others.
pub(super) const ROOT: Id = 0;

/// A key and its value, or an element of an array.
#[derive(Debug)]
pub(super) struct Node<'t> {
    /// Empty for an element of an array.
    pub(super) key: Cow<'t, str>,
    /// The line that it is on, counted from 1.
    pub(super) line: usize,
    pub(super) value: Value<'t>,
    /// The table or the array that it is in.
    pub(super) above: Id,
    /// What is in it, if it is a table or an array.
    pub(super) within: Vec<Id>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'t> {
    String(Cow<'t, str>),
    /// A number that fits no type is too large for every key.
    Integer(Box<i128>),
    Float,
    Boolean(bool),
    Datetime,
    Array,
    Table,
}

#[derive(Debug)]
pub(super) struct Tree<'t> {
    nodes: Vec<Node<'t>>,
}

impl<'t> Tree<'t> {
    /// A tree that has room for so many nodes.
    pub(super) fn new(room: usize) -> Self {
        let mut nodes = Vec::with_capacity(room);
        let key = Cow::Borrowed("");
        nodes.push(Node { key, line: 1, value: Value::Table, above: ROOT, within: Vec::new() });
        Self { nodes }
    }

    /// The tree of what `toml` has read. `line` is the line of a byte.
    pub(super) fn of(root: &DeTable<'t>, line: &dyn Fn(usize) -> usize) -> Self {
        let mut tree = Self::new(0);
        tree.copy_table(ROOT, root, line);
        tree
    }

    fn copy_table(&mut self, id: Id, entries: &DeTable<'t>, line: &dyn Fn(usize) -> usize) {
        for (key, value) in entries {
            let within = self.add(id, key.get_ref().clone(), line(key.span().start));
            self.copy(within, value.get_ref(), line);
        }
    }

    fn copy(&mut self, id: Id, value: &DeValue<'t>, line: &dyn Fn(usize) -> usize) {
        self.nodes[id].value = match value {
            DeValue::String(text) => Value::String(text.clone()),
            DeValue::Integer(number) => Value::integer(number.as_str(), number.radix()),
            DeValue::Float(_) => Value::Float,
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Datetime(_) => Value::Datetime,
            DeValue::Array(elements) => {
                for element in elements {
                    let within = self.add(id, Cow::Borrowed(""), line(element.span().start));
                    self.copy(within, element.get_ref(), line);
                }
                Value::Array
            }
            DeValue::Table(entries) => {
                self.copy_table(id, entries, line);
                Value::Table
            }
        };
    }

    /// Adds a node at the end of a table or an array. It is a table until it becomes something else.
    pub(super) fn add(&mut self, above: Id, key: Cow<'t, str>, line: usize) -> Id {
        let id = self.nodes.len();
        self.nodes.push(Node { key, line, value: Value::Table, above, within: Vec::new() });
        self.nodes[above].within.push(id);
        id
    }

    /// Puts the keys of each table in order. `None` if one is there twice.
    pub(super) fn sort(&mut self) -> Option<()> {
        for table in 0..self.nodes.len() {
            if self.nodes[table].within.len() < 2 || self.nodes[table].value != Value::Table {
                continue;
            }
            let with_key = |id: &Id| (&*self.nodes[*id].key, *id);
            let mut within: Vec<(&str, Id)> = self.nodes[table].within.iter().map(with_key).collect();
            within.sort();
            if within.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                return None;
            }
            self.nodes[table].within = within.into_iter().map(|(_, id)| id).collect();
        }
        Some(())
    }

    pub(super) fn node(&self, id: Id) -> &Node<'t> {
        &self.nodes[id]
    }

    pub(super) fn node_mut(&mut self, id: Id) -> &mut Node<'t> {
        &mut self.nodes[id]
    }

    /// The node of a key in a table.
    pub(super) fn find(&self, table: Id, key: &str) -> Option<Id> {
        self.nodes[table].within.iter().copied().find(|id| self.nodes[*id].key == key)
    }
}

impl Value<'_> {
    pub(super) fn integer(digits: &str, radix: u32) -> Self {
        Self::Integer(Box::new(i128::from_str_radix(digits, radix).unwrap_or(i128::MAX)))
    }
}
