//! The scripts in memory, up to a number of bytes. What was not used for a long time goes first.
//!
//! Large scripts are kept apart, so that a few tenants that have them do not drive out those of all others, who would pay for reading and
//! compiling them again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::Script;

/// What the kept scripts may take together, in bytes. A script that a sandbox uses stays in memory as long as the sandbox.
pub const MOST_BYTES_KEPT: usize = 64 * 1024 * 1024;

/// The part of it, as a divisor, up to which a script with its bytecode is a small one: 1 MiB.
const LARGE: usize = 64;

/// Scripts by the places of their entries.
type Scripts = HashMap<Arc<Path>, Arc<Script>>;

/// The scripts in memory, by the places of their entries. Small and large ones have half of the room each.
#[derive(Debug)]
pub struct Cache {
    largest_small: usize,
    small: Halves,
    large: Halves,
}

/// Scripts in two halves. One that is read is in the newer half. When that is full, it becomes the older half, and what is in the older
/// one is dropped. A use of a script in the older half moves it to the newer one, if there is room. So nothing has to be ordered, however
/// many scripts there are, and a use of one drops no other.
#[derive(Debug, Default)]
struct Halves {
    most_bytes: usize,
    newer: Scripts,
    older: Scripts,
    /// Of the newer half.
    bytes: usize,
}

impl Cache {
    /// An empty cache of this size.
    pub fn new(most_bytes: usize) -> Self {
        let halves = || Halves { most_bytes: most_bytes / 4, ..Halves::default() };
        Self { largest_small: most_bytes / LARGE, small: halves(), large: halves() }
    }

    /// The script at a place, if it is kept. This is a use of it.
    pub fn get(&mut self, place: &Path) -> Option<Arc<Script>> {
        self.small.get(place).or_else(|| self.large.get(place))
    }

    /// Keeps a script. What is returned had to go, and is to be dropped when there is time.
    #[must_use]
    pub fn put(&mut self, script: Arc<Script>) -> Scripts {
        let (own, other) = match script.size() <= self.largest_small {
            true => (&mut self.small, &mut self.large),
            false => (&mut self.large, &mut self.small),
        };
        let before = other.remove(&script.place);
        let mut gone = own.put(script);
        gone.extend(before.map(|before| (Arc::clone(&before.place), before)));
        gone
    }
}

impl Halves {
    fn get(&mut self, place: &Path) -> Option<Arc<Script>> {
        if let Some(script) = self.newer.get(place) {
            return Some(Arc::clone(script));
        }
        let script = Arc::clone(self.older.get(place)?);
        if self.bytes + script.size() <= self.most_bytes {
            self.older.remove(place);
            self.bytes += script.size();
            self.newer.insert(Arc::clone(&script.place), Arc::clone(&script));
        }
        Some(script)
    }

    fn put(&mut self, script: Arc<Script>) -> Scripts {
        let before = self.remove(&script.place);
        let mut gone = Scripts::new();
        if self.bytes + script.size() > self.most_bytes {
            gone = std::mem::replace(&mut self.older, std::mem::take(&mut self.newer));
            self.bytes = 0;
        }
        self.bytes += script.size();
        self.newer.insert(Arc::clone(&script.place), script);
        gone.extend(before.map(|before| (Arc::clone(&before.place), before)));
        gone
    }

    fn remove(&mut self, place: &Path) -> Option<Arc<Script>> {
        if let Some(script) = self.newer.remove(place) {
            self.bytes -= script.size();
            return Some(script);
        }
        self.older.remove(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{File, OF_FILE, OF_SCRIPT};

    fn script(place: &str, bytes: usize) -> Arc<Script> {
        let file = File { path: "a.js".into(), content: vec![b' '; bytes].into() };
        Arc::new(Script::new(Path::new(place).into(), "a.js", vec![file]).unwrap())
    }

    fn has(cache: &mut Cache, place: &str) -> bool {
        cache.get(Path::new(place)).is_some()
    }

    fn count(Halves { newer, older, .. }: &Halves) -> usize {
        newer.len() + older.len()
    }

    /// With room for so many small scripts of 1000 bytes in each half.
    fn cache(each: usize) -> Cache {
        Cache { largest_small: 2000, ..Cache::new(4 * each * (1000 + OF_SCRIPT + OF_FILE + 4)) }
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut cache = cache(4);
        drop(cache.put(script("used/a.js", 1000)));
        for number in 0..100 {
            drop(cache.put(script(&format!("{number}/a.js"), 1000)));
            assert!(has(&mut cache, "used/a.js"), "after {number}");
            assert!(count(&cache.small) <= 8);
        }
        assert!(has(&mut cache, "99/a.js") && !has(&mut cache, "1/a.js"));
    }

    #[test]
    fn large_scripts_drive_out_no_small_ones() {
        let mut cache = cache(4);
        drop(cache.put(script("small/a.js", 1000)));
        for number in 0..100 {
            drop(cache.put(script(&format!("{number}/a.js"), 5000)));
        }
        assert!(has(&mut cache, "small/a.js") && has(&mut cache, "99/a.js") && !has(&mut cache, "1/a.js"));
    }

    #[test]
    fn the_use_of_some_scripts_drives_out_no_other() {
        let mut cache = cache(2);
        let places: Vec<String> = (0..4).map(|number| format!("{number}/a.js")).collect();
        places.iter().for_each(|place| drop(cache.put(script(place, 1000))));
        for _ in 0..10 {
            assert!(places.iter().all(|place| has(&mut cache, place)));
        }
    }

    #[test]
    fn another_script_at_the_same_place_replaces_the_first() {
        let mut cache = cache(100);
        for bytes in [10, 20, 5000, 20] {
            let gone = cache.put(script("x/a.js", bytes));
            assert_eq!(gone.len(), usize::from(bytes != 10));
            assert_eq!(cache.get(Path::new("x/a.js")).unwrap().files()[0].content.len(), bytes);
            assert_eq!(cache.small.bytes + cache.large.bytes, script("x/a.js", bytes).size());
            assert_eq!(count(&cache.small) + count(&cache.large), 1);
        }
    }

    #[test]
    fn a_script_that_is_too_large_to_be_kept_with_others_is_kept_alone() {
        let mut cache = Cache::new(1000);
        drop(cache.put(script("large/a.js", 4000)));
        drop(cache.put(script("small/a.js", 10)));
        assert!(has(&mut cache, "large/a.js") && has(&mut cache, "small/a.js"));
        drop(cache.put(script("other/a.js", 10)));
        drop(cache.put(script("third/a.js", 10)));
        assert!(count(&cache.small) + count(&cache.large) <= 4);
    }
}
