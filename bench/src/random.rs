//! Numbers that look random and are the same in every run, and the distribution of events over tenants.

use crate::figures::count;

/// A generator of numbers: SplitMix64. It is not for secrets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, 1.
    pub fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.number() >> 32).unwrap_or_default();
        f64::from(high) / 4_294_967_296.0
    }

    /// The time to the next of events that come at random, with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

/// Zipf's distribution: the share of the tenant on rank r is proportional to `1 / r^exponent`.
#[derive(Debug, Clone)]
pub struct Zipf {
    /// The shares of all ranks up to this one.
    sums: Vec<f64>,
}

impl Zipf {
    /// The distribution over so many tenants.
    pub fn new(tenants: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut sums: Vec<f64> = (1..=tenants)
            .map(|rank| {
                sum += count(rank).powf(-exponent);
                sum
            })
            .collect();
        sums.iter_mut().for_each(|part| *part /= sum);
        Self { sums }
    }

    /// The tenant of an event, from 0.
    pub fn draw(&self, random: &mut Random) -> usize {
        let drawn = random.unit();
        self.sums.partition_point(|sum| *sum <= drawn).min(self.sums.len().saturating_sub(1))
    }

    /// The shares of the tenants, the largest first.
    pub fn shares(&self) -> impl Iterator<Item = f64> {
        let before = std::iter::once(&0.0).chain(&self.sums);
        self.sums.iter().zip(before).map(|(sum, before)| sum - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_splitmix64() {
        let mut random = Random::new(1_234_567);
        // From the reference implementation.
        assert_eq!(random.number(), 6_457_827_717_110_365_317);
        assert_eq!(random.number(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn times_between_events_have_their_mean() {
        let mut random = Random::new(1);
        let sum: f64 = (0..100_000).map(|_| random.exponential(3.0)).sum();
        assert!((sum / 100_000.0 - 3.0).abs() < 0.05, "{sum}");
    }

    #[test]
    fn shares_fall_with_the_rank() {
        let zipf = Zipf::new(4, 1.0);
        let shares: Vec<f64> = zipf.shares().map(|share| share * 25.0 / 12.0).collect();
        for (share, expected) in shares.iter().zip([1.0, 1.0 / 2.0, 1.0 / 3.0, 1.0 / 4.0]) {
            assert!((share - expected).abs() < 1e-9, "{shares:?}");
        }
        assert!(Zipf::new(10, 0.0).shares().all(|share| (share - 0.1).abs() < 1e-9));
    }

    #[test]
    fn tenants_are_drawn_by_their_shares() {
        let (zipf, mut random) = (Zipf::new(100, 1.0), Random::new(7));
        let mut drawn = vec![0_u32; 100];
        (0..200_000).for_each(|_| drawn[zipf.draw(&mut random)] += 1);
        for (share, drawn) in zipf.shares().zip(drawn) {
            let expected = share * 200_000.0;
            assert!((f64::from(drawn) - expected).abs() < 6.0 * expected.sqrt(), "{drawn}, not {expected}");
        }
    }
}
