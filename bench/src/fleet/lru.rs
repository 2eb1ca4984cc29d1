//! A cache of so many entries, of which the one that was not used for the longest time goes first.

use std::collections::{BTreeMap, HashMap};

/// The cache, by the number of a tenant.
#[derive(Debug)]
pub struct Lru<V> {
    most: usize,
    uses: u64,
    entries: HashMap<usize, (u64, V)>,
    /// The keys by their last uses.
    order: BTreeMap<u64, usize>,
}

impl<V> Lru<V> {
    /// An empty cache for so many entries.
    pub fn new(most: usize) -> Self {
        Self { most, uses: 0, entries: HashMap::new(), order: BTreeMap::new() }
    }

    /// The entry, which is the last used one now.
    pub fn get(&mut self, key: usize) -> Option<&mut V> {
        let (used, value) = self.entries.get_mut(&key)?;
        self.uses += 1;
        self.order.remove(used);
        self.order.insert(self.uses, key);
        *used = self.uses;
        Some(value)
    }

    /// Adds or replaces an entry.
    pub fn insert(&mut self, key: usize, value: V) {
        self.uses += 1;
        if let Some((used, _)) = self.entries.insert(key, (self.uses, value)) {
            self.order.remove(&used);
        }
        self.order.insert(self.uses, key);
        if self.entries.len() > self.most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, Zipf};

    /// The share of hits of a cache for so many of the tenants, after it was filled.
    fn hit_rate(zipf: &Zipf, most: usize, events: u32) -> f64 {
        let (mut lru, mut random) = (Lru::new(most), Random::new(3));
        let mut hits = 0;
        for event in 0..2 * events {
            let tenant = zipf.draw(&mut random);
            let hit = lru.get(tenant).is_some();
            if !hit {
                lru.insert(tenant, ());
            }
            hits += u32::from(hit && event >= events);
        }
        f64::from(hits) / f64::from(events)
    }

    #[test]
    fn the_oldest_entry_goes_first() {
        let mut lru = Lru::new(2);
        assert!(lru.is_empty());
        lru.insert(1, "a");
        lru.insert(2, "b");
        assert_eq!(lru.get(1), Some(&mut "a"));
        lru.insert(3, "c");
        assert_eq!((lru.get(1).is_some(), lru.get(2).is_some(), lru.len()), (true, false, 2));
        lru.insert(3, "d");
        assert_eq!(lru.get(3), Some(&mut "d"));
        assert_eq!(lru.len(), 2);
    }

    #[test]
    fn equal_tenants_hit_as_often_as_the_cache_is_large() {
        let rate = hit_rate(&Zipf::new(1000, 0.0), 250, 100_000);
        assert!((rate - 0.25).abs() < 0.01, "{rate}");
    }

    /// Che's approximation: a tenant is in the cache if it had an event in the time in which as many different tenants
    /// as the cache holds have one.
    #[test]
    fn zipf_hits_as_often_as_the_analytic_approximation_says() {
        let (zipf, most) = (Zipf::new(1000, 1.0), 100);
        let held = |time: f64| zipf.shares().map(|share| 1.0 - (-share * time).exp()).sum::<f64>();
        let (mut low, mut high) = (0.0, 1e6);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if held(middle) < f64::from(most) { low = middle } else { high = middle }
        }
        let analytic: f64 = zipf.shares().map(|share| share * (1.0 - (-share * low).exp())).sum();
        let simulated = hit_rate(&zipf, 100, 200_000);
        assert!((simulated - analytic).abs() < 0.01, "{simulated}, and {analytic} by the approximation");
    }
}
