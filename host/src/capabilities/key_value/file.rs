//! A store in a file, for development and tests: an embedded database with one writer at a time. A second process cannot open it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use redb::{Database, ReadableDatabase as _, ReadableTable as _, Table, TableDefinition, TableError};

use super::backend::{
    Backend, Budget, Call, Increment, Item, Page, Replacement, StoreError, Swapped, Version,
};
use super::bounds::MAX_PAGE;
use crate::text::printable::Shown as _;

/// The bytes of all owners.
const MOST: u64 = 1024 * 1024 * 1024;
/// The bytes of one owner. Tenants that the manifest does not name are owners, too.
const MOST_OF_OWNER: u64 = MOST / 4;
/// What an entry takes beside its key and its value, about.
const ENTRY: usize = 128;
/// The memory for the parts of the file that were read.
const CACHE: usize = 8 * 1024 * 1024;

/// Versions and values, by owner and key.
const ITEMS: TableDefinition<'_, (&str, &str), (u128, &[u8])> = TableDefinition::new("items");
/// The bytes of each owner; those of all under an empty text.
const BYTES: TableDefinition<'_, &str, u64> = TableDefinition::new("bytes");
const ALL: &str = "";

/// The data of one store.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    /// Opened by the first operation.
    database: Mutex<Option<Arc<Database>>>,
}

/// The file cannot be used. The operator gets this text.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}")]
pub(super) struct FileError {
    path: String,
    error: Box<redb::Error>,
}

/// Both tables, for a change.
struct Tables<'t> {
    items: Table<'t, (&'static str, &'static str), (u128, &'static [u8])>,
    bytes: Table<'t, &'static str, u64>,
}

/// An error of the database, or one of the store that ends a change.
enum Ended {
    Database(redb::Error),
    Store(StoreError),
}

impl<E: Into<redb::Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

fn size(key: &str, value: usize) -> u64 {
    u64::try_from(key.len() + value + ENTRY).unwrap_or(u64::MAX)
}

impl Tables<'_> {
    fn get(&self, call: &Call, key: &str) -> Result<Option<Item>, Ended> {
        let found = self.items.get((&*call.partition, key))?;
        Ok(found.map(|found| {
            let (version, value) = found.value();
            Item { value: value.to_owned(), version: Version(version) }
        }))
    }

    fn put(&mut self, call: &Call, key: &str, value: &[u8]) -> Result<(), Ended> {
        let (before, after) = (self.size_of(call, key)?, size(key, value.len()));
        self.charge(&call.partition, before, after)?;
        let version = Version::fresh().map_err(Ended::Store)?;
        self.items.insert((&*call.partition, key), (version.0, value))?;
        Ok(())
    }

    fn remove(&mut self, call: &Call, key: &str) -> Result<(), Ended> {
        let before = self.size_of(call, key)?;
        self.items.remove((&*call.partition, key))?;
        self.charge(&call.partition, before, 0)
    }

    fn size_of(&self, call: &Call, key: &str) -> Result<u64, Ended> {
        let found = self.items.get((&*call.partition, key))?;
        Ok(found.map_or(0, |found| size(key, found.value().1.len())))
    }

    /// Counts the bytes of an owner and of all, unless they are too many.
    fn charge(&mut self, owner: &str, before: u64, after: u64) -> Result<(), Ended> {
        for (of, most) in [(owner, MOST_OF_OWNER), (ALL, MOST)] {
            let used = self.bytes.get(of)?.map_or(0, |used| used.value());
            let now = used.saturating_sub(before) + after;
            if after > before && now > most {
                return Err(Ended::Store(StoreError::Full { kind: "file", most: MOST_OF_OWNER, all: MOST }));
            }
            if now == 0 {
                self.bytes.remove(of)?;
            } else {
                self.bytes.insert(of, now)?;
            }
        }
        Ok(())
    }
}

impl File {
    /// The store in this file. It is opened, or made, by the first operation.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), database: Mutex::default() }
    }

    fn database(&self) -> Result<Arc<Database>, redb::Error> {
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*database {
            return Ok(Arc::clone(open));
        }
        let opened = Arc::new(Database::builder().set_cache_size(CACHE).create(&self.path)?);
        *database = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Changes the tables, as a whole or not at all.
    fn write<T>(&self, work: impl FnOnce(&mut Tables<'_>) -> Result<T, Ended>) -> Result<T, StoreError> {
        let write = || {
            let change = self.database()?.begin_write()?;
            let done = {
                let mut tables =
                    Tables { items: change.open_table(ITEMS)?, bytes: change.open_table(BYTES)? };
                work(&mut tables)?
            };
            change.commit()?;
            Ok(done)
        };
        write().map_err(|ended| self.error(ended))
    }

    /// Reads the items, if there are any.
    fn read<T: Default>(
        &self,
        work: impl FnOnce(
            &redb::ReadOnlyTable<(&'static str, &'static str), (u128, &'static [u8])>,
        ) -> Result<T, Ended>,
    ) -> Result<T, StoreError> {
        let read = || {
            let items = match self.database()?.begin_read()?.open_table(ITEMS) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(T::default()),
                items => items?,
            };
            work(&items)
        };
        read().map_err(|ended| self.error(ended))
    }

    fn error(&self, ended: Ended) -> StoreError {
        match ended {
            Ended::Store(error) => error,
            Ended::Database(error) => FileError { path: self.path.shown(), error: Box::new(error) }.into(),
        }
    }
}

impl Backend for File {
    fn blocks(&self) -> bool {
        true
    }

    fn get(&self, call: &Call, key: &str) -> Result<Option<Item>, StoreError> {
        self.read(|items| {
            Ok(items.get((&*call.partition, key))?.map(|found| {
                let (version, value) = found.value();
                Item { value: value.to_owned(), version: Version(version) }
            }))
        })
    }

    fn set(&self, call: &Call, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.write(|tables| tables.put(call, key, value))
    }

    fn delete(&self, call: &Call, key: &str) -> Result<(), StoreError> {
        self.write(|tables| tables.remove(call, key))
    }

    fn list(&self, call: &Call, after: Option<&str>) -> Result<Page, StoreError> {
        let start = after.unwrap_or_default();
        self.read(|items| {
            let mut page = Page::default();
            for found in items.range((&*call.partition, start)..)? {
                let (place, _) = found?;
                let (partition, key) = place.value();
                if partition != &*call.partition {
                    break;
                }
                if page.keys.len() >= MAX_PAGE {
                    page.next = page.keys.last().cloned();
                    break;
                }
                if after != Some(key) {
                    page.keys.push(key.to_owned());
                }
            }
            Ok(page)
        })
    }

    fn increment(&self, call: &Call, key: &str, increment: Increment) -> Result<i128, StoreError> {
        self.write(|tables| {
            let now = tables.get(call, key)?;
            let sum = increment.on_value(now.as_ref().map(|item| item.value.as_slice()));
            let sum = sum.map_err(Ended::Store)?;
            tables.put(call, key, sum.to_string().as_bytes())?;
            Ok(sum)
        })
    }

    fn swap(&self, call: &Call, key: &str, replacement: &Replacement) -> Result<Swapped, StoreError> {
        self.write(|tables| {
            let now = tables.get(call, key)?;
            if now.as_ref().map(|item| item.version) != replacement.of {
                return Ok(Swapped::Lost(now));
            }
            tables.put(call, key, &replacement.value)?;
            Ok(Swapped::Done)
        })
    }

    fn get_many(&self, call: &Call, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut budget = Budget::of(call);
        let found: Vec<_> = self.read(|items| {
            let value = |key: &String| {
                let found = items.get((&*call.partition, key.as_str()))?;
                let value = found.map(|found| found.value().1.to_owned());
                budget.take(value.as_ref()).map_err(Ended::Store)?;
                Ok(value)
            };
            keys.iter().map(value).collect::<Result<_, Ended>>()
        })?;
        // There is no table before the first change.
        Ok(if found.is_empty() { vec![None; keys.len()] } else { found })
    }

    fn set_many(&self, call: &Call, pairs: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        self.write(|tables| {
            pairs.iter().try_for_each(|(key, value)| {
                call.check().map_err(Ended::Store)?;
                tables.put(call, key, value)
            })
        })
    }

    fn delete_many(&self, call: &Call, keys: &[String]) -> Result<(), StoreError> {
        self.write(|tables| {
            keys.iter().try_for_each(|key| {
                call.check().map_err(Ended::Store)?;
                tables.remove(call, key)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::key_value::tests::{call, conforms};

    #[test]
    fn it_is_a_store_that_outlives_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.redb");
        let file = File::new(&path);
        assert!(!path.exists(), "nothing is made before the first operation");
        conforms(&file);
        let call = call("t#acme#cache");
        file.set(&call, "kept", b"value").unwrap();
        let second = File::new(&path).get(&call, "kept").unwrap_err();
        assert_eq!(second.to_string(), "the file of the store cannot be used");
        assert!(second.warning().unwrap().contains("cache.redb: "), "{second:?}");
        drop(file);
        assert_eq!(File::new(&path).get(&call, "kept").unwrap().unwrap().value, b"value");
    }

    #[test]
    fn a_file_that_cannot_be_made_is_told_to_the_operator() {
        let error = File::new(Path::new("/nonexistent/cache.redb")).get(&call("t#a#s"), "k").unwrap_err();
        assert!(error.warning().unwrap().starts_with("/nonexistent/cache.redb: "), "{error:?}");
        assert_eq!(error.to_string(), "the file of the store cannot be used");
    }

    #[test]
    fn the_bytes_of_an_owner_are_counted_with_each_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::new(&folder.path().join("cache.redb"));
        let (one, two) = (call("t#one#s"), call("t#two#s"));
        let used =
            |of: &str| file.write(|tables| Ok(tables.bytes.get(of)?.map_or(0, |used| used.value()))).unwrap();
        file.set(&one, "k", &[0; 100]).unwrap();
        file.set(&two, "k", &[0; 10]).unwrap();
        file.set(&one, "k", &[0; 50]).unwrap();
        assert_eq!([used("t#one#s"), used("t#two#s"), used(ALL)], [179, 139, 318]);
        file.delete(&one, "k").unwrap();
        file.delete(&two, "k").unwrap();
        assert_eq!([used("t#one#s"), used(ALL)], [0, 0]);
        file.write(|tables| {
            Ok(tables.bytes.insert("t#one#s", MOST_OF_OWNER)?.map_or(0, |used| used.value()))
        })
        .unwrap();
        assert!(matches!(file.set(&one, "k", b""), Err(StoreError::Full { .. })));
        file.set(&two, "k", b"").unwrap();
    }
}
