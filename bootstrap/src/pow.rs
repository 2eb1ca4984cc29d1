//! `pow`, so that the program does not need the C library's mathematics.
//!
//! Only one function of that library is referred to, by a scheduler of Tokio that Bulkhead never starts. Loading the
//! library takes 70 µs of each start.

/// `base` to the power of `exponent`, by the name and the signature that C has for it.
// SAFETY: the attribute is unsafe because another function of this name could have another signature.
#[expect(unsafe_code, reason = "a symbol that the linker finds by its name")]
#[unsafe(no_mangle)]
extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}
