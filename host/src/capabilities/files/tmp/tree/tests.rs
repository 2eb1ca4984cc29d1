//! What each operation does to the tree and to what it counts.

use super::*;

const ROOT: NodeId = NodeId::ROOT;

fn tree(limit: usize) -> Tree {
    Tree::new(limit)
}

fn touch(tree: &mut Tree, path: &str) -> Result<NodeId, ErrorCode> {
    open(tree, path, OpenFlags::CREATE)
}

fn open(tree: &mut Tree, path: &str, how: OpenFlags) -> Result<NodeId, ErrorCode> {
    tree.open(ROOT, path, how, DescriptorFlags::READ)
}

fn rename(tree: &mut Tree, old: &str, new: &str) -> Result<(), ErrorCode> {
    tree.rename(ROOT, old, ROOT, new)
}

/// `d/`, `d/e/`, `full/`, `full/f` and the files `f` and `g`.
fn sample() -> Tree {
    let mut tree = tree(1 << 20);
    for path in ["d", "d/e", "full"] {
        tree.create_directory(ROOT, path).unwrap();
    }
    for path in ["full/f", "f", "g"] {
        touch(&mut tree, path).unwrap();
    }
    tree
}

#[test]
fn what_is_counted_is_given_back() {
    let mut tree = tree(1 << 20);
    tree.create_directory(ROOT, "dir").unwrap();
    let file = touch(&mut tree, "dir/name").unwrap();
    tree.write(file, 10, b"12345").unwrap();
    assert_eq!(tree.used(), 2 * NODE + 3 + 4 + 15);
    tree.resize(file, 7).unwrap();
    rename(&mut tree, "dir/name", "n").unwrap();
    assert_eq!(tree.used(), 2 * NODE + 3 + 1 + 7);
    tree.unlink(ROOT, "n").unwrap();
    tree.remove_directory(ROOT, "dir").unwrap();
    assert_eq!(tree.used(), 0);
}

#[test]
fn the_limit_is_exact_and_what_passes_it_changes_nothing() {
    let mut tree = tree(NODE + 1 + 10);
    let file = touch(&mut tree, "f").unwrap();
    tree.write(file, 0, &[1; 10]).unwrap();
    assert!(!tree.refused());
    assert_eq!(tree.append(file, &[1]), Err(ErrorCode::InsufficientSpace));
    assert!(tree.refused());
    for (offset, len) in [(10, 1), (1, 10), (u64::MAX, 1), (u64::MAX - 5, 10), (1 << 62, 1)] {
        let bytes = vec![2; len];
        assert_eq!(tree.write(file, offset, &bytes), Err(ErrorCode::InsufficientSpace), "{offset}");
    }
    for size in [11, 1 << 40, u64::MAX] {
        assert_eq!(tree.resize(file, size), Err(ErrorCode::InsufficientSpace), "{size}");
    }
    assert_eq!(touch(&mut tree, "g"), Err(ErrorCode::InsufficientSpace));
    assert_eq!(rename(&mut tree, "f", "ff"), Err(ErrorCode::InsufficientSpace));
    assert_eq!(tree.node(file).unwrap().content().unwrap().read(0, 99), [1; 10]);
    assert_eq!((tree.used(), tree.recount()), (NODE + 11, NODE + 11));
    tree.write(file, 3, &[2; 7]).unwrap();
}

#[test]
fn no_limit_is_so_high_that_sizes_overflow() {
    let mut tree = tree(usize::MAX);
    let file = touch(&mut tree, "f").unwrap();
    assert_eq!(tree.write(file, u64::MAX, b"x"), Err(ErrorCode::InsufficientSpace));
    assert_eq!(tree.resize(file, u64::MAX), Err(ErrorCode::InsufficientSpace));
    tree.write(file, u64::MAX, b"").unwrap();
}

#[test]
fn opening_creates_truncates_and_excludes() {
    let mut tree = sample();
    let exclusive = OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    let f = open(&mut tree, "f", OpenFlags::empty()).unwrap();
    tree.write(f, 0, b"abc").unwrap();
    assert_eq!(touch(&mut tree, "f"), Ok(f));
    assert_eq!(tree.node(f).unwrap().stat().size, 3);
    assert_eq!(open(&mut tree, "f", OpenFlags::TRUNCATE), Ok(f));
    assert_eq!(tree.node(f).unwrap().stat().size, 0);
    assert_eq!(open(&mut tree, "f", exclusive), Err(ErrorCode::Exist));
    assert!(open(&mut tree, "h", exclusive).is_ok());
    assert_eq!(open(&mut tree, "none", OpenFlags::empty()), Err(ErrorCode::NoEntry));
    assert_eq!(open(&mut tree, "f", OpenFlags::DIRECTORY), Err(ErrorCode::NotDirectory));
    assert_eq!(open(&mut tree, "f/", OpenFlags::empty()), Err(ErrorCode::NotDirectory));
    assert_eq!(open(&mut tree, "new/", OpenFlags::CREATE), Err(ErrorCode::IsDirectory));
    assert_eq!(open(&mut tree, "d", OpenFlags::CREATE), Err(ErrorCode::IsDirectory));
    assert_eq!(open(&mut tree, "d", OpenFlags::TRUNCATE), Err(ErrorCode::IsDirectory));
    assert_eq!(open(&mut tree, "d", OpenFlags::DIRECTORY | OpenFlags::CREATE), Err(ErrorCode::Invalid));
    let written = tree.open(ROOT, "d", OpenFlags::empty(), DescriptorFlags::WRITE);
    assert_eq!(written, Err(ErrorCode::IsDirectory));
}

#[test]
fn files_and_directories_are_removed_each_in_its_way() {
    let mut tree = sample();
    assert_eq!(tree.unlink(ROOT, "d"), Err(ErrorCode::IsDirectory));
    assert_eq!(tree.unlink(ROOT, "."), Err(ErrorCode::IsDirectory));
    assert_eq!(tree.unlink(ROOT, "f/"), Err(ErrorCode::NotDirectory));
    assert_eq!(tree.unlink(ROOT, "none"), Err(ErrorCode::NoEntry));
    assert_eq!(tree.remove_directory(ROOT, "f"), Err(ErrorCode::NotDirectory));
    assert_eq!(tree.remove_directory(ROOT, "d"), Err(ErrorCode::NotEmpty));
    assert_eq!(tree.remove_directory(ROOT, "."), Err(ErrorCode::Invalid));
    assert_eq!(tree.create_directory(ROOT, "f"), Err(ErrorCode::Exist));
    assert_eq!(tree.create_directory(ROOT, "."), Err(ErrorCode::Exist));
    tree.remove_directory(ROOT, "d/e/").unwrap();
    tree.remove_directory(ROOT, "d").unwrap();
    tree.unlink(ROOT, "f").unwrap();
    assert_eq!(tree.used(), tree.recount());
}

#[test]
fn renaming_replaces_what_can_be_replaced() {
    let mut tree = sample();
    let f = open(&mut tree, "f", OpenFlags::empty()).unwrap();
    tree.write(f, 0, b"abc").unwrap();
    rename(&mut tree, "f", "f").unwrap();
    rename(&mut tree, "f", "g").unwrap();
    assert_eq!(open(&mut tree, "g", OpenFlags::empty()), Ok(f));
    assert_eq!(rename(&mut tree, "f", "h"), Err(ErrorCode::NoEntry));
    rename(&mut tree, "g", "d/e/deep").unwrap();
    assert_eq!(open(&mut tree, "d/e/deep", OpenFlags::empty()), Ok(f));
    tree.create_directory(ROOT, "empty").unwrap();
    rename(&mut tree, "d", "empty/").unwrap();
    assert_eq!(open(&mut tree, "empty/e/deep", OpenFlags::empty()), Ok(f));
    assert_eq!(tree.used(), tree.recount());
}

#[test]
fn renaming_refuses_what_would_break_the_tree() {
    let mut tree = sample();
    let cases = [
        ("d", "d/e/x", ErrorCode::Invalid),
        ("d", "d/x", ErrorCode::Invalid),
        ("d", "full", ErrorCode::NotEmpty),
        ("d/e", "d", ErrorCode::NotEmpty),
        ("d", "f", ErrorCode::NotDirectory),
        ("f", "d", ErrorCode::IsDirectory),
        ("f", "new/", ErrorCode::NotDirectory),
        ("f/", "new", ErrorCode::NotDirectory),
        (".", "x", ErrorCode::Busy),
        ("d", ".", ErrorCode::Busy),
        ("d/..", "x", ErrorCode::Busy),
    ];
    let used = tree.used();
    for (old, new, expected) in cases {
        assert_eq!(rename(&mut tree, old, new), Err(expected), "{old} to {new}");
    }
    rename(&mut tree, "d", "d").unwrap();
    assert_eq!((tree.used(), tree.recount()), (used, used));
}

#[test]
fn what_is_open_stays_and_counts_until_it_is_closed() {
    let mut tree = sample();
    let before = tree.used();
    let file = touch(&mut tree, "file").unwrap();
    tree.retain(file);
    tree.retain(file);
    tree.write(file, 0, b"abc").unwrap();
    tree.unlink(ROOT, "file").unwrap();
    tree.append(file, b"d").unwrap();
    assert_eq!(tree.node(file).unwrap().stat().link_count, 0);
    assert_eq!((tree.used(), tree.recount()), (before + NODE + 4, before + NODE + 4));
    tree.release(file);
    assert_eq!(tree.node(file).unwrap().stat().size, 4);
    tree.release(file);
    assert_eq!((tree.used(), tree.recount()), (before, before));
    assert!(tree.node(file).is_err());
}

#[test]
fn nothing_is_made_in_a_directory_that_was_removed() {
    let mut tree = sample();
    let directory = open(&mut tree, "d/e", OpenFlags::DIRECTORY).unwrap();
    tree.retain(directory);
    tree.remove_directory(ROOT, "d/e").unwrap();
    let made = tree.open(directory, "x", OpenFlags::CREATE, DescriptorFlags::WRITE);
    assert_eq!(made, Err(ErrorCode::NoEntry));
    assert_eq!(tree.create_directory(directory, "x"), Err(ErrorCode::NoEntry));
    assert_eq!(tree.rename(ROOT, "f", directory, "f"), Err(ErrorCode::NoEntry));
    tree.release(directory);
    assert_eq!(tree.used(), tree.recount());
}

#[test]
fn a_tree_of_any_depth_is_dropped() {
    let mut tree = tree(1 << 30);
    let mut base = ROOT;
    for _ in 0..200_000 {
        tree.create_directory(base, "d").unwrap();
        base = tree.open(base, "d", OpenFlags::empty(), DescriptorFlags::READ).unwrap();
    }
    assert_eq!(tree.rename(ROOT, "d", base, "x"), Err(ErrorCode::Invalid));
    drop(tree);
}

#[test]
fn nodes_are_used_again() {
    let mut tree = tree(NODE + 1);
    for _ in 0..1000 {
        touch(&mut tree, "f").unwrap();
        tree.unlink(ROOT, "f").unwrap();
    }
    assert_eq!((tree.nodes.len(), tree.free.len()), (2, 1));
}

#[test]
fn a_node_counts_about_what_it_takes() {
    // Its slot, while the vector has twice its length; the leaf of 11 names that the first one makes; the name.
    let leaf = 11 * (size_of::<Box<str>>() + size_of::<NodeId>()) + 16;
    assert!(2 * size_of::<Option<Node>>() + leaf + 32 <= 2 * NODE, "{}", size_of::<Option<Node>>());
}
