//! Thousands of random operations, on `/tmp` and on a model that is too simple to be wrong.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::tree::NODE;
use super::*;

const LIMIT: usize = 24 * NODE;

/// Marsaglia's xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }

    /// One of a few paths, up to three names deep.
    fn path(&mut self) -> String {
        let names = ["a", "bb", "c"];
        let depth = 1 + self.below(3);
        (0..depth).map(|_| names[self.below(3)]).collect::<Vec<_>>().join("/")
    }
}

#[derive(Clone)]
enum Thing {
    Directory,
    File(Rc<RefCell<Vec<u8>>>),
}

/// Whole paths and what is there, and what is open.
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

    /// Opens a file, which is made where there is none.
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

/// Compares all that there is.
fn compare(tmp: &Tmp, model: &Model, handles: &[Handle]) {
    assert_eq!(tmp.used(), model.used());
    assert_eq!(tmp.lock().recount(), model.used());
    let root = tmp.root();
    assert_eq!(
        names(&root),
        model.things.keys().filter(|path| !path.contains('/')).cloned().collect::<Vec<_>>()
    );
    for (path, thing) in &model.things {
        let found = root.open(path, OpenFlags::empty(), DescriptorFlags::READ).unwrap();
        match thing {
            Thing::File(bytes) => assert!(found.read(0, u64::MAX).unwrap() == *bytes.borrow(), "{path}"),
            Thing::Directory => {
                let below = |other: &String| Some(other.strip_prefix(path)?.strip_prefix('/')?.to_owned());
                let expected = model.things.keys().filter_map(below).filter(|name| !name.contains('/'));
                assert_eq!(names(&found), expected.collect::<Vec<_>>(), "{path}");
            }
        }
    }
    for (handle, bytes) in handles.iter().zip(&model.open) {
        assert!(handle.read(0, u64::MAX).unwrap() == *bytes.borrow());
    }
}

/// Does one operation on both, and gives what became of it in `/tmp` and in the model.
fn step(random: &mut Random, tmp: &Tmp, model: &mut Model, handles: &mut Vec<Handle>) -> (bool, bool) {
    let root = tmp.root();
    let (path, other) = (random.path(), random.path());
    let some = random.below(handles.len().max(1)).min(handles.len());
    match random.below(9) {
        0 => {
            let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
            let opened = root.open(&path, OpenFlags::CREATE, flags);
            let expected = model.open(&path);
            let done = (opened.is_ok(), expected.is_some());
            handles.extend(opened);
            model.open.extend(expected);
            done
        }
        1 => (root.create_directory(&path).is_ok(), model.insert(&path, Thing::Directory)),
        2 => (root.unlink(&path).is_ok(), model.remove(&path, true)),
        3 => (root.remove_directory(&path).is_ok(), model.remove(&path, false)),
        4 | 5 => (root.rename(&path, &root, &other).is_ok(), model.rename(&path, &other)),
        _ if some >= handles.len() => (true, true),
        6 => {
            let (offset, len) = (random.below(2 * NODE), random.below(3 * NODE));
            let bytes = vec![u8::try_from(len % 256).unwrap(); len];
            let offset = if len == 0 { 0 } else { offset };
            let written = handles[some].write(u64::try_from(offset).unwrap(), &bytes);
            (written.is_ok(), len == 0 || model.write(&model.open[some], offset, &bytes))
        }
        7 => {
            let size = random.below(4 * NODE);
            let resized = handles[some].set_size(u64::try_from(size).unwrap());
            (resized.is_ok(), model.resize(&model.open[some], size))
        }
        _ => {
            drop(handles.swap_remove(some));
            drop(model.open.swap_remove(some));
            (true, true)
        }
    }
}

#[test]
fn tmp_does_what_the_model_does() {
    for seed in 1..=8 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let (tmp, mut model, mut handles) = (Tmp::new(LIMIT), Model::default(), Vec::new());
        let mut done = 0;
        for number in 0..3000 {
            let (got, expected) = step(&mut random, &tmp, &mut model, &mut handles);
            assert_eq!(got, expected, "seed {seed}, operation {number}");
            compare(&tmp, &model, &handles);
            done += usize::from(got);
        }
        assert!(done > 500 && tmp.hit_limit(), "the operations are too tame: {done}");
        handles.clear();
        model.open.clear();
        compare(&tmp, &model, &handles);
    }
}
