//! Data of the kernel about a process, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::figures::count;

/// Resident memory, in MB.
///
/// # Errors
/// If the process has ended.
pub fn resident_memory(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("reading a process's status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel shows no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().context("reading VmRSS")?;
    Ok(count(kibibytes) * 1024.0 / 1e6)
}

/// The processor time so far of all running threads, to the nanosecond.
///
/// # Errors
/// If the process has ended.
pub fn processor_time(pid: u32) -> Result<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).context("listing a process's threads")? {
        // A thread may end during the loop.
        let Ok(line) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let nanoseconds = line.split(' ').next().unwrap_or_default();
        sum += Duration::from_nanos(nanoseconds.parse().context("reading a thread's schedstat")?);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_has_worked() {
        let own = std::process::id();
        assert!(resident_memory(own).unwrap() > 0.1);
        let before = processor_time(own).unwrap();
        let sum: u64 =
            std::hint::black_box((0..5_000_000).fold(0, |sum, number| sum ^ std::hint::black_box(number)));
        assert!(processor_time(own).unwrap() > before, "{sum}");
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(resident_memory(u32::MAX).is_err());
        assert!(processor_time(u32::MAX).is_err());
    }
}
