//! Resolves a path of a guest to a place in the tree.
//!
//! A path never leaves the directory that it starts from, as with Wasmtime's own files. `/tmp` has no links,
//! so a path that this file accepts names its target directly.

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::tree::{NodeId, Tree};

/// As on Linux.
const MAX_NAME: usize = 255;
/// As on Linux, where the terminating byte counts.
const MAX_PATH: usize = 4095;

/// The target of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'p> {
    /// A directory that the path does not name: it ends in `.` or `..`.
    Reached(NodeId),
    /// A name in a directory.
    Named(Entry<'p>),
}

/// A name in a directory, which may not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'p> {
    pub(super) directory: NodeId,
    pub(super) name: &'p str,
    /// The node with this name.
    pub(super) node: Option<NodeId>,
    /// Whether the path ends in a slash, and so can only mean a directory.
    pub(super) slash: bool,
}

impl<'p> Place<'p> {
    /// Resolves a path.
    ///
    /// # Errors
    /// If it is not a valid path, leaves `base`, or leads through something that is missing or not a
    /// directory.
    pub(super) fn find(tree: &Tree, base: NodeId, path: &'p str) -> Result<Self, ErrorCode> {
        check(path)?;
        // The directories that the path has entered and not left by `..`.
        let mut entered = vec![base];
        let trimmed = path.trim_end_matches('/');
        let mut names = trimmed.split('/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            let directory = *entered.last().ok_or(ErrorCode::NotPermitted)?;
            match name {
                "." => {}
                ".." if entered.len() > 1 => drop(entered.pop()),
                ".." => return Err(ErrorCode::NotPermitted),
                _ if name.len() > MAX_NAME => return Err(ErrorCode::NameTooLong),
                _ => {
                    let node = tree.entry(directory, name)?;
                    if names.peek().is_none() {
                        let slash = trimmed.len() < path.len();
                        return Ok(Self::Named(Entry { directory, name, node, slash }));
                    }
                    let node = node.ok_or(ErrorCode::NoEntry)?;
                    tree.expect_directory(node)?;
                    entered.push(node);
                }
            }
        }
        entered.pop().map(Self::Reached).ok_or(ErrorCode::NotPermitted)
    }

    /// The node at this place.
    ///
    /// # Errors
    /// If there is none, or if it is a file and the path ends in a slash.
    pub(super) fn node(self, tree: &Tree) -> Result<NodeId, ErrorCode> {
        match self {
            Self::Reached(node) => Ok(node),
            Self::Named(entry) => entry.existing(tree),
        }
    }
}

impl Entry<'_> {
    /// The node with this name.
    ///
    /// # Errors
    /// If there is none, or if it is a file and the path ends in a slash.
    pub(super) fn existing(self, tree: &Tree) -> Result<NodeId, ErrorCode> {
        let node = self.node.ok_or(ErrorCode::NoEntry)?;
        if self.slash {
            tree.expect_directory(node)?;
        }
        Ok(node)
    }
}

fn check(path: &str) -> Result<(), ErrorCode> {
    match path {
        "" => Err(ErrorCode::NoEntry),
        _ if path.len() > MAX_PATH => Err(ErrorCode::NameTooLong),
        _ if path.contains('\0') => Err(ErrorCode::Invalid),
        _ if path.starts_with('/') => Err(ErrorCode::NotPermitted),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, OpenFlags};

    /// `a/`, `a/b/` and the file `a/f`.
    fn tree() -> Tree {
        let mut tree = Tree::new(1 << 20);
        tree.create_directory(NodeId::ROOT, "a").unwrap();
        tree.create_directory(NodeId::ROOT, "a/b").unwrap();
        tree.open(NodeId::ROOT, "a/f", OpenFlags::CREATE, DescriptorFlags::empty()).unwrap();
        tree
    }

    fn find<'p>(tree: &Tree, path: &'p str) -> Result<Place<'p>, ErrorCode> {
        Place::find(tree, NodeId::ROOT, path)
    }

    fn node(tree: &Tree, path: &str) -> Result<NodeId, ErrorCode> {
        find(tree, path)?.node(tree)
    }

    #[test]
    fn every_way_to_a_directory_leads_to_it() {
        let tree = tree();
        let b = node(&tree, "a/b").unwrap();
        for path in ["a/b/", "a//b", "./a/./b/.", "a/../a/b//", "a/b/../b", "a/b/.///"] {
            assert_eq!(node(&tree, path), Ok(b), "{path}");
        }
        assert_eq!(find(&tree, "."), Ok(Place::Reached(NodeId::ROOT)));
        assert_eq!(find(&tree, "a/.."), Ok(Place::Reached(NodeId::ROOT)));
    }

    #[test]
    fn no_path_leaves_its_directory() {
        let tree = tree();
        for path in ["..", "/", "/a", "a/../..", "a/../../a", "./..", "../tmp/a", "a/b/../../../a"] {
            assert_eq!(find(&tree, path), Err(ErrorCode::NotPermitted), "{path}");
        }
        let a = node(&tree, "a").unwrap();
        assert_eq!(Place::find(&tree, a, "../a"), Err(ErrorCode::NotPermitted));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let tree = tree();
        let (long_name, long_path) = ("n".repeat(256), "a/../".repeat(900));
        assert_eq!(find(&tree, ""), Err(ErrorCode::NoEntry));
        assert_eq!(find(&tree, "a\0b"), Err(ErrorCode::Invalid));
        assert_eq!(find(&tree, &long_name), Err(ErrorCode::NameTooLong));
        assert!(find(&tree, &long_name[1..]).is_ok());
        assert_eq!(find(&tree, &long_path), Err(ErrorCode::NameTooLong));
    }

    #[test]
    fn a_file_is_no_directory() {
        let tree = tree();
        for path in ["a/f/", "a/f/.", "a/f/..", "a/f/x", "a/f/../f"] {
            assert_eq!(node(&tree, path), Err(ErrorCode::NotDirectory), "{path}");
        }
        assert_eq!(node(&tree, "a/none/x"), Err(ErrorCode::NoEntry));
        assert_eq!(node(&tree, "a/none/"), Err(ErrorCode::NoEntry));
    }
}
