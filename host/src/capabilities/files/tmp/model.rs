//! Thousands of random operations, on `/tmp` and on a model that is simple enough to trust.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::sample::{Index, select};
use proptest::test_runner::Config;
use proptest::{prop_oneof, proptest};

use super::tree::NODE;
use super::*;

const LIMIT: usize = 24 * NODE;

const NAMES: &[&str] = &["a", "bb", "c"];

/// An operation on a `/tmp`. An open file is an index into those that are open at that time.
#[derive(Debug, Clone)]
enum Operation {
    Open(String),
    CreateDirectory(String),
    Unlink(String),
    RemoveDirectory(String),
    Rename { from: String, to: String },
    Write { file: Index, offset: usize, length: usize },
    Resize { file: Index, size: usize },
    Close(Index),
}

fn operation() -> impl Strategy<Value = Operation> {
    // One of a few paths, up to three names deep, so that many of them exist already.
    let path = || vec(select(NAMES), 1..=3).prop_map(|names| names.join("/"));
    let write = (any::<Index>(), 0..2 * NODE, 0..3 * NODE);
    prop_oneof![
        1 => path().prop_map(Operation::Open),
        1 => path().prop_map(Operation::CreateDirectory),
        1 => path().prop_map(Operation::Unlink),
        1 => path().prop_map(Operation::RemoveDirectory),
        2 => (path(), path()).prop_map(|(from, to)| Operation::Rename { from, to }),
        1 => write.prop_map(|(file, offset, length)| Operation::Write { file, offset, length }),
        1 => (any::<Index>(), 0..4 * NODE).prop_map(|(file, size)| Operation::Resize { file, size }),
        1 => any::<Index>().prop_map(Operation::Close),
    ]
}

#[derive(Clone)]
enum Thing {
    Directory,
    File(Rc<RefCell<Vec<u8>>>),
}

/// Whole paths with their files and directories, and the open ones.
#[derive(Default)]
struct Model {
    things: BTreeMap<String, Thing>,
    open: Vec<Rc<RefCell<Vec<u8>>>>,
}

impl Model {
    fn used(&self) -> usize {
        let mut files = self.open.clone();
        let mut sum = 0;
        for (path, thing) in &self.things {
            sum += path.rsplit('/').next().unwrap().len();
            match thing {
                Thing::Directory => sum += NODE,
                Thing::File(bytes) => files.push(bytes.clone()),
            }
        }
        files.sort_by_key(Rc::as_ptr);
        files.dedup_by_key(|bytes| Rc::as_ptr(bytes));
        sum + files.iter().map(|bytes| NODE + bytes.borrow().len()).sum::<usize>()
    }

    fn has_parent(&self, path: &str) -> bool {
        match path.rsplit_once('/') {
            Some((parent, _)) => matches!(self.things.get(parent), Some(Thing::Directory)),
            None => true,
        }
    }

    fn is_empty(&self, path: &str) -> bool {
        !self.things.keys().any(|other| other.starts_with(&format!("{path}/")))
    }

    fn fits(&self, more: usize) -> bool {
        self.used() + more <= LIMIT
    }

    fn insert(&mut self, path: &str, thing: Thing) -> bool {
        let name = path.rsplit('/').next().unwrap().len();
        if self.things.contains_key(path) || !self.has_parent(path) || !self.fits(NODE + name) {
            return false;
        }
        self.things.insert(path.to_owned(), thing);
        true
    }

    /// Opens a file, and creates it if it does not exist.
    fn open(&mut self, path: &str) -> Option<Rc<RefCell<Vec<u8>>>> {
        self.insert(path, Thing::File(Rc::default()));
        match self.things.get(path) {
            Some(Thing::File(bytes)) => Some(bytes.clone()),
            Some(Thing::Directory) | None => None,
        }
    }

    fn write(&self, bytes: &RefCell<Vec<u8>>, offset: usize, new: &[u8]) -> bool {
        let end = offset + new.len();
        if !self.fits(end.saturating_sub(bytes.borrow().len())) {
            return false;
        }
        let mut bytes = bytes.borrow_mut();
        let len = bytes.len().max(end);
        bytes.resize(len, 0);
        bytes[offset..end].copy_from_slice(new);
        true
    }

    fn resize(&self, bytes: &RefCell<Vec<u8>>, size: usize) -> bool {
        let fits = self.fits(size.saturating_sub(bytes.borrow().len()));
        if fits {
            bytes.borrow_mut().resize(size, 0);
        }
        fits
    }

    fn remove(&mut self, path: &str, file: bool) -> bool {
        let removable = match self.things.get(path) {
            Some(Thing::File(_)) => file,
            Some(Thing::Directory) => !file && self.is_empty(path),
            None => false,
        };
        if removable {
            self.things.remove(path);
        }
        removable
    }

    fn rename(&mut self, old: &str, new: &str) -> bool {
        let Some(moved) = self.things.get(old).cloned() else { return false };
        if !self.has_parent(new) || new.starts_with(&format!("{old}/")) {
            return false;
        }
        if old == new {
            return true;
        }
        let added = new.rsplit('/').next().unwrap().len();
        let freed = old.rsplit('/').next().unwrap().len();
        let replaceable = match (self.things.get(new), &moved) {
            (Some(Thing::File(_)), Thing::File(_)) => true,
            (Some(Thing::Directory), Thing::Directory) => self.is_empty(new),
            (Some(_), _) => false,
            (None, _) => self.fits(added.saturating_sub(freed)),
        };
        if replaceable {
            let below = format!("{old}/");
            let paths = self.things.keys().filter(|path| *path == old || path.starts_with(&below));
            for path in paths.cloned().collect::<Vec<_>>() {
                let thing = self.things.remove(&path).unwrap();
                self.things.insert(format!("{new}{}", &path[old.len()..]), thing);
            }
        }
        replaceable
    }
}

fn names(directory: &Handle) -> Vec<String> {
    let mut names = vec![String::new()];
    while let Some(entry) = directory.entry_after(names.last().unwrap()).unwrap() {
        names.push(entry.name);
    }
    names.split_off(1)
}

/// Both, and the open files of `/tmp`, in the order of the model's.
struct Pair {
    tmp: Tmp,
    model: Model,
    handles: Vec<Handle>,
}

impl Pair {
    fn new() -> Self {
        Self { tmp: Tmp::new(LIMIT), model: Model::default(), handles: Vec::new() }
    }

    /// Runs one operation on both. Returns whether it succeeded in `/tmp`, and in the model.
    fn step(&mut self, operation: &Operation) -> (bool, bool) {
        let Self { tmp, model, handles } = self;
        let root = tmp.root();
        let open = |file: &Index| (!handles.is_empty()).then(|| file.index(handles.len()));
        match operation {
            Operation::Open(path) => {
                let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
                let opened = root.open(path, OpenFlags::CREATE, flags);
                let expected = model.open(path);
                let done = (opened.is_ok(), expected.is_some());
                handles.extend(opened);
                model.open.extend(expected);
                done
            }
            Operation::CreateDirectory(path) => {
                (root.create_directory(path).is_ok(), model.insert(path, Thing::Directory))
            }
            Operation::Unlink(path) => (root.unlink(path).is_ok(), model.remove(path, true)),
            Operation::RemoveDirectory(path) => {
                (root.remove_directory(path).is_ok(), model.remove(path, false))
            }
            Operation::Rename { from, to } => {
                (root.rename(from, &root, to.as_str()).is_ok(), model.rename(from, to))
            }
            Operation::Write { file, offset, length } => {
                let Some(file) = open(file) else { return (true, true) };
                let bytes = vec![u8::try_from(length % 256).unwrap(); *length];
                let offset = if *length == 0 { 0 } else { *offset };
                let written = handles[file].write(u64::try_from(offset).unwrap(), &bytes);
                (written.is_ok(), *length == 0 || model.write(&model.open[file], offset, &bytes))
            }
            Operation::Resize { file, size } => {
                let Some(file) = open(file) else { return (true, true) };
                let resized = handles[file].set_size(u64::try_from(*size).unwrap());
                (resized.is_ok(), model.resize(&model.open[file], *size))
            }
            Operation::Close(file) => {
                if let Some(file) = open(file) {
                    drop(handles.swap_remove(file));
                    drop(model.open.swap_remove(file));
                }
                (true, true)
            }
        }
    }

    /// Compares everything.
    fn compare(&self) {
        let Self { tmp, model, handles } = self;
        assert_eq!(tmp.used(), model.used());
        assert_eq!(tmp.lock().recount(), model.used());
        let root = tmp.root();
        let at_the_root = model.things.keys().filter(|path| !path.contains('/'));
        assert_eq!(names(&root), at_the_root.cloned().collect::<Vec<_>>());
        for (path, thing) in &model.things {
            let found = root.open(path, OpenFlags::empty(), DescriptorFlags::READ).unwrap();
            match thing {
                Thing::File(bytes) => assert!(found.read(0, u64::MAX).unwrap() == *bytes.borrow(), "{path}"),
                Thing::Directory => {
                    let below =
                        |other: &String| Some(other.strip_prefix(path)?.strip_prefix('/')?.to_owned());
                    let expected = model.things.keys().filter_map(below).filter(|name| !name.contains('/'));
                    assert_eq!(names(&found), expected.collect::<Vec<_>>(), "{path}");
                }
            }
        }
        for (handle, bytes) in handles.iter().zip(&model.open) {
            assert!(handle.read(0, u64::MAX).unwrap() == *bytes.borrow());
        }
    }
}

#[test]
fn tmp_does_what_the_model_does() {
    let (done, is_full) = (Cell::new(0), Cell::new(false));
    proptest!(Config::with_cases(16), |(operations in vec(operation(), 1..3000))| {
        let mut pair = Pair::new();
        for operation in &operations {
            let (got, expected) = pair.step(operation);
            assert_eq!(got, expected, "{operation:?}");
            pair.compare();
            done.set(done.get() + usize::from(got));
        }
        is_full.set(is_full.get() || pair.tmp.hit_limit());
        pair.handles.clear();
        pair.model.open.clear();
        pair.compare();
    });
    // Operations that fail, or that never fill it, prove little.
    assert!(done.get() > 2000 && is_full.get(), "the operations are too tame: {}", done.get());
}
