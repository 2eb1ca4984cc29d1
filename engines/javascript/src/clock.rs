//! The clocks that QuickJS reads: `c/platform.h` gives its calls these names.
//!
//! While the engine is initialised they stand at the epoch, because a snapshot must not contain a time, and because an
//! `initialize` that asks for one is refused. From the first event on they are the host's.

use std::cell::Cell;

thread_local! {
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Lets the clocks run.
pub(crate) fn start() {
    RUNS.set(true);
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn wall() -> u64 {
    if RUNS.get() { crate::platform::wall_clock() } else { 0 }
}

/// Nanoseconds of a clock that only goes forward.
pub(crate) fn monotonic() -> u64 {
    if RUNS.get() { crate::platform::monotonic_clock() } else { 0 }
}

/// The C functions. In a native program QuickJS calls those of the C library.
#[cfg(target_family = "wasm")]
mod c {
    /// `struct timeval` and, with nanoseconds, `struct timespec`, as wasi-libc has them: microseconds have 64 bits. Nanoseconds have
    /// 32, followed by 32 that mean nothing.
    #[repr(C)]
    struct Time {
        seconds: i64,
        part: i64,
    }

    const NANOSECONDS: u64 = 1_000_000_000;

    fn time(nanoseconds: u64, unit: u64) -> Time {
        let seconds = i64::try_from(nanoseconds / NANOSECONDS).unwrap_or(i64::MAX);
        Time { seconds, part: i64::try_from(nanoseconds % NANOSECONDS / unit).unwrap_or(0) }
    }

    /// `int clock_gettime(clockid_t, struct timespec *)`. QuickJS asks for the monotonic clock only.
    #[expect(unsafe_code, reason = "C calls it by its name")]
    // SAFETY: no other function has this name.
    #[unsafe(no_mangle)]
    extern "C" fn bulkhead_clock_gettime(_clock: *const u8, to: &mut Time) -> i32 {
        *to = time(super::monotonic(), 1);
        0
    }

    /// `int gettimeofday(struct timeval *, void *)`.
    #[expect(unsafe_code, reason = "C calls it by its name")]
    // SAFETY: no other function has this name.
    #[unsafe(no_mangle)]
    extern "C" fn bulkhead_gettimeofday(to: &mut Time, _zone: *const u8) -> i32 {
        *to = time(super::wall(), 1000);
        0
    }
}
