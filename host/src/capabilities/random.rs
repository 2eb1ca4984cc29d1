//! A guest's random bytes: from the operating system, up to a limit for the whole event.

use rustix::rand::{GetRandomFlags, getrandom};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use crate::capabilities::limits::Exceeded;
use crate::policy::Limit;

/// The remaining amount of one sandbox.
#[derive(Debug)]
pub struct Random {
    left: u64,
    exceeded: Exceeded,
}

impl Random {
    /// A source with this limit. A guest that exceeds it is stopped.
    pub fn new(limit: u64) -> Self {
        Self { left: limit, exceeded: Exceeded { limit: Limit::Random, allowed: limit } }
    }

    fn bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.left = self.left.checked_sub(length).ok_or(self.exceeded)?;
        let mut bytes = vec![0; usize::try_from(length)?];
        fill(&mut bytes)?;
        Ok(bytes)
    }

    fn number(&mut self) -> wasmtime::Result<u64> {
        self.left = self.left.checked_sub(8).ok_or(self.exceeded)?;
        let mut bytes = [0; 8];
        fill(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

/// Whether the operating system can provide random bytes.
///
/// # Errors
/// If it cannot.
pub fn check() -> std::io::Result<()> {
    getrandom(&mut [0; 8], GetRandomFlags::empty())?;
    Ok(())
}

fn fill(bytes: &mut [u8]) -> wasmtime::Result<()> {
    let mut filled = 0;
    // The operating system may return fewer bytes than requested.
    while filled < bytes.len() {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())?;
    }
    Ok(())
}

impl random::Host for Random {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.number()
    }
}

/// The same source: a generator of its own would have to be seeded for each sandbox.
impl insecure::Host for Random {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.number()
    }
}

impl insecure_seed::Host for Random {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.number()?, self.number()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_until_the_limit_is_reached() {
        let mut random = Random::new(100);
        assert_eq!(random.bytes(60).unwrap().len(), 60);
        assert_eq!(random.bytes(32).unwrap().len(), 32);
        random.number().unwrap();
        for error in [random.number().unwrap_err(), random.bytes(u64::MAX).unwrap_err()] {
            let exceeded = error.downcast_ref::<Exceeded>().unwrap();
            assert_eq!((exceeded.limit, exceeded.allowed), (Limit::Random, 100));
        }
        random.bytes(0).unwrap();
    }

    #[test]
    fn there_is_randomness() {
        check().unwrap();
    }

    #[test]
    fn no_two_seeds_are_the_same() {
        let mut random = Random::new(1000);
        let one = insecure_seed::Host::insecure_seed(&mut random).unwrap();
        assert_ne!(one, insecure_seed::Host::insecure_seed(&mut random).unwrap());
        assert_ne!(one.0, one.1);
    }
}
