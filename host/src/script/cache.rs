//! The scripts in memory, up to a number of bytes. What was not used for a long time goes first.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::Script;

/// What the kept scripts may take together, in bytes. A script that a sandbox uses stays in memory as long as the sandbox.
pub const MOST_BYTES_KEPT: usize = 64 * 1024 * 1024;

/// Scripts by the places of their entries.
type Scripts = HashMap<Arc<Path>, Arc<Script>>;

/// The scripts in memory, by the places of their entries.
///
/// They are in two halves. A script that is used is in the newer half. When that is full, it becomes the older half, and
/// what was in the older one since is dropped. So nothing has to be ordered, however many scripts there are.
#[derive(Debug)]
pub struct Cache {
    most_bytes: usize,
    newer: Scripts,
    older: Scripts,
    /// Of the newer half.
    bytes: usize,
}

impl Cache {
    /// An empty cache of this size.
    pub fn new(most_bytes: usize) -> Self {
        Self { most_bytes, newer: HashMap::new(), older: HashMap::new(), bytes: 0 }
    }

    /// The script at a place, if it is kept. This is a use of it.
    pub fn get(&mut self, place: &Path) -> Option<Arc<Script>> {
        if let Some(script) = self.newer.get(place) {
            return Some(Arc::clone(script));
        }
        let script = self.older.remove(place)?;
        drop(self.put(Arc::clone(&script)));
        Some(script)
    }

    /// Keeps a script. What is returned had to go, and is to be dropped when there is time.
    #[must_use]
    pub fn put(&mut self, script: Arc<Script>) -> Scripts {
        let size = script.size();
        let mut gone = Scripts::new();
        if self.bytes + size > self.most_bytes / 2 {
            gone = std::mem::replace(&mut self.older, std::mem::take(&mut self.newer));
            self.bytes = 0;
        }
        self.bytes += size;
        if let Some(before) = self.newer.insert(Arc::clone(&script.place), script) {
            self.bytes -= before.size();
        }
        gone
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

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        // Four scripts of 1000 bytes in each half.
        let mut cache = Cache::new(8 * (1000 + OF_SCRIPT + OF_FILE + 4));
        drop(cache.put(script("used/a.js", 1000)));
        for number in 0..100 {
            drop(cache.put(script(&format!("{number}/a.js"), 1000)));
            assert!(has(&mut cache, "used/a.js"), "after {number}");
            assert!(cache.newer.len() + cache.older.len() <= 8);
        }
        assert!(has(&mut cache, "99/a.js") && !has(&mut cache, "1/a.js"));
    }

    #[test]
    fn another_script_at_the_same_place_replaces_the_first() {
        let mut cache = Cache::new(1 << 20);
        for bytes in [10, 20, 20] {
            drop(cache.put(script("x/a.js", bytes)));
            assert_eq!(cache.get(Path::new("x/a.js")).unwrap().files()[0].content.len(), bytes);
            assert_eq!(cache.bytes, script("x/a.js", bytes).size());
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
        assert!(cache.newer.len() + cache.older.len() <= 4);
    }
}
