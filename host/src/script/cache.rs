//! The scripts in memory, up to a number of bytes. What was not used for the longest time goes first.
//!
//! Small scripts have half of the room if they need it. So a few tenants with large ones do not drive out those of all others, who
//! would pay for reading and compiling them again.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::Script;

/// What the kept scripts may take together, in bytes. A script that a sandbox uses stays in memory as long as the sandbox.
pub const MOST_BYTES_KEPT: usize = 64 * 1024 * 1024;

/// The part of it, as a divisor, up to which a script with its bytecode is a small one: 1 MiB.
const LARGE: usize = 64;

/// The scripts in memory, by the places of their entries.
#[derive(Debug)]
pub struct Cache {
    most_bytes: usize,
    largest_small: usize,
    small: Class,
    large: Class,
    /// How often any script was used.
    uses: u64,
}

/// Small scripts, or large ones.
#[derive(Debug, Default)]
struct Class {
    /// The scripts, each with the number of its last use.
    scripts: HashMap<Arc<Path>, (Arc<Script>, u64)>,
    /// Their places by the number of their last use.
    order: BTreeMap<u64, Arc<Path>>,
    bytes: usize,
}

impl Cache {
    /// An empty cache of this size.
    pub fn new(most_bytes: usize) -> Self {
        let largest_small = most_bytes / LARGE;
        Self { most_bytes, largest_small, small: Class::default(), large: Class::default(), uses: 0 }
    }

    /// The script at a place, if it is kept. This is a use of it.
    pub fn get(&mut self, place: &Path) -> Option<Arc<Script>> {
        self.uses += 1;
        self.small.get(place, self.uses).or_else(|| self.large.get(place, self.uses))
    }

    /// Keeps a script. What is returned had to go, and is to be dropped when there is time.
    #[must_use]
    pub fn put(&mut self, script: Arc<Script>) -> Vec<Arc<Script>> {
        let Self { most_bytes, largest_small, small, large, uses } = self;
        let classes = [&mut *small, &mut *large];
        let mut gone: Vec<_> = classes.into_iter().filter_map(|class| class.remove(&script.place)).collect();
        *uses += 1;
        match script.size() <= *largest_small {
            true => small.put(script, *uses),
            false => large.put(script, *uses),
        }
        while small.bytes + large.bytes > *most_bytes {
            let class = if large.bytes > *most_bytes / 2 { &mut *large } else { &mut *small };
            // One that is too large to be kept with others is kept alone.
            let Some(oldest) = class.remove_oldest_before(*uses) else { break };
            gone.push(oldest);
        }
        gone
    }
}

impl Class {
    fn get(&mut self, place: &Path, now: u64) -> Option<Arc<Script>> {
        let (script, last_use) = self.scripts.get_mut(place)?;
        self.order.remove(last_use);
        self.order.insert(now, Arc::clone(&script.place));
        *last_use = now;
        Some(Arc::clone(script))
    }

    fn put(&mut self, script: Arc<Script>, now: u64) {
        self.bytes += script.size();
        self.order.insert(now, Arc::clone(&script.place));
        self.scripts.insert(Arc::clone(&script.place), (script, now));
    }

    fn remove(&mut self, place: &Path) -> Option<Arc<Script>> {
        let (script, last_use) = self.scripts.remove(place)?;
        self.order.remove(&last_use);
        self.bytes -= script.size();
        Some(script)
    }

    /// Removes the script that was not used for the longest time, unless it is that of this use.
    fn remove_oldest_before(&mut self, now: u64) -> Option<Arc<Script>> {
        let (last_use, place) = self.order.first_key_value()?;
        let place = (*last_use < now).then(|| Arc::clone(place))?;
        self.remove(&place)
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

    /// With room for so many scripts of 1000 bytes, which are small ones.
    fn cache(scripts: usize) -> Cache {
        Cache { largest_small: 2000, ..Cache::new(scripts * (1000 + OF_SCRIPT + OF_FILE + 4)) }
    }

    fn put(cache: &mut Cache, place: &str, bytes: usize) {
        drop(cache.put(script(place, bytes)));
        let of_class = |class: &Class| {
            assert_eq!(class.scripts.len(), class.order.len());
            class.scripts.values().map(|(script, _)| script.size()).sum::<usize>()
        };
        let bytes = [of_class(&cache.small), of_class(&cache.large)];
        assert_eq!(bytes, [cache.small.bytes, cache.large.bytes]);
        let is_alone = cache.small.scripts.len().max(cache.large.scripts.len()) == 1;
        assert!(bytes[0] + bytes[1] <= cache.most_bytes || is_alone, "{bytes:?}");
    }

    fn has(cache: &mut Cache, place: &str) -> bool {
        cache.get(Path::new(place)).is_some()
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        for used in [1000, 1500] {
            let mut cache = cache(8);
            put(&mut cache, "used/a.js", used);
            for number in 0..100 {
                put(&mut cache, &format!("{number}/a.js"), 1000);
                assert!(has(&mut cache, "used/a.js"), "after {number}");
            }
            assert!(has(&mut cache, "99/a.js") && !has(&mut cache, "1/a.js"));
        }
    }

    #[test]
    fn large_scripts_drive_out_no_small_ones_that_take_less_than_half() {
        let mut cache = cache(32);
        for number in 0..16 {
            put(&mut cache, &format!("small-{number}/a.js"), 1000);
        }
        for number in 0..100 {
            put(&mut cache, &format!("{number}/a.js"), 5000);
        }
        assert!((0..16).all(|number| has(&mut cache, &format!("small-{number}/a.js"))));
        assert!(has(&mut cache, "99/a.js") && !has(&mut cache, "1/a.js"));
        // Nor the other way round.
        for number in 0..100 {
            put(&mut cache, &format!("small-{number}/a.js"), 1000);
        }
        assert!(has(&mut cache, "99/a.js") && !has(&mut cache, "small-1/a.js"));
    }

    #[test]
    fn each_kind_has_all_of_the_room_that_the_other_leaves() {
        let mut cache = cache(8);
        let places: Vec<String> = (0..8).map(|number| format!("{number}/a.js")).collect();
        places.iter().for_each(|place| put(&mut cache, place, 1000));
        for _ in 0..10 {
            assert!(places.iter().all(|place| has(&mut cache, place)), "the use of one drives out no other");
        }
    }

    #[test]
    fn another_script_at_the_same_place_replaces_the_first() {
        let mut cache = cache(100);
        for bytes in [10, 20, 5000, 20] {
            put(&mut cache, "x/a.js", bytes);
            assert_eq!(cache.get(Path::new("x/a.js")).unwrap().files()[0].content.len(), bytes);
            assert_eq!(cache.small.bytes + cache.large.bytes, script("x/a.js", bytes).size());
        }
    }

    #[test]
    fn a_script_that_is_too_large_to_be_kept_with_others_is_kept_alone() {
        let mut cache = Cache::new(1000);
        for place in ["large/a.js", "other/a.js"] {
            put(&mut cache, place, 4000);
            assert!(has(&mut cache, place) && cache.large.scripts.len() == 1);
        }
    }
}
