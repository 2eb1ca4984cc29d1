//! The settings that compiled code depends on, which are identical in the compiler and the runtime.
//!
//! A `.cwasm` records the [`FINGERPRINT`] of this file, so that code compiled under other settings is
//! rejected before it is mapped.

use wasmtime::{Config, ModuleVersionStrategy, WasmBacktraceDetails};

/// The versions of Bulkhead and of the engine, including the patch version. Code of another patch release is
/// rejected, since a fix in the compiler does not affect code that was compiled before it.
pub const BUILD: &str = concat!("bulkhead ", env!("CARGO_PKG_VERSION"), ", wasmtime 48.0.8");

/// A digest of the text of this file, and so of every setting in it.
pub const FINGERPRINT: u32 = fingerprint(include_bytes!("settings.rs"));

/// A processor that Lambda offers, with the features that all of its machines have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `x86-64-v2`, as Amazon Linux 2023 requires; not every host has AVX (C11.4).
    X86_64,
    /// Graviton2, which is Neoverse N1 (C11.4).
    Aarch64,
}

impl Target {
    /// The name for `bulkhead compile --target`, which a `.cwasm` records.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The target of this name; `arm64` is Lambda's name for `aarch64`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "x86_64" => Some(Self::X86_64),
            "aarch64" | "arm64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// The target that this program itself was built for, if Lambda offers it.
    pub fn host() -> Option<Self> {
        Self::parse(std::env::consts::ARCH)
    }

    /// Whether this program can compile for the target. The compiler for the other processor comes with the
    /// feature `cross`.
    pub fn has_compiler(self) -> bool {
        cfg!(feature = "cross") || (cfg!(feature = "compiler") && Self::host() == Some(self))
    }
}

/// The settings for running handlers; the caller sets pool and stacks.
pub(super) fn base() -> Config {
    let mut config = Config::new();
    config
        // This is how a guest that never yields is stopped.
        .epoch_interruption(true)
        // Handlers do not need these, and most security advisories are about them.
        .wasm_threads(false)
        .wasm_memory64(false)
        .wasm_function_references(false)
        .wasm_gc(false)
        .wasm_exceptions(false)
        .gc_support(false)
        // The result must not depend on the processor.
        .relaxed_simd_deterministic(true)
        // The map from machine instructions to those of the component is never used, and was a fourteenth of
        // the `.cwasm` of the hello example.
        .generate_address_map(false)
        // Unwind tables are for debuggers: Wasmtime follows frame pointers, and a panic of the host stops at the
        // host's own frames. They were a fifteenth of the `.cwasm`, and were read and registered at each load.
        .native_unwind_info(false)
        // By name only; otherwise an environment variable would decide, and code might not load.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    // The length is checked only here, and is far below the limit of 255.
    let _ = config.module_version(ModuleVersionStrategy::Custom(BUILD.to_owned()));
    config
}

/// The settings for compiling to a `.cwasm`.
#[cfg(feature = "compiler")]
pub(super) fn for_target(target: Target) -> Result<Config, wasmtime::Error> {
    let mut config = base();
    let (triple, flags): (_, &[&str]) = match target {
        Target::X86_64 => (
            "x86_64-unknown-linux-gnu",
            &["has_cmpxchg16b", "has_popcnt", "has_sse3", "has_ssse3", "has_sse41", "has_sse42"],
        ),
        Target::Aarch64 => ("aarch64-unknown-linux-gnu", &["has_lse", "has_fp16"]),
    };
    // Setting a target turns off the features of this machine's processor.
    config.target(triple)?;
    for flag in flags {
        #[expect(unsafe_code, reason = "Wasmtime has no safe way to name a processor's features")]
        // SAFETY: code that uses a feature that the processor lacks traps or misbehaves. Each of these
        // features is part of the baseline of its `Target`, and the loader checks every one of them against
        // the processor.
        unsafe {
            config.cranelift_flag_enable(flag);
        }
    }
    // An initial memory up to this size is mapped, rather than copied piece by piece at each start.
    config.memory_guaranteed_dense_image_size(64 << 20);
    Ok(config)
}

/// FNV-1a, which can be computed in a constant.
const fn fingerprint(text: &[u8]) -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    let mut index = 0;
    while index < text.len() {
        hash = (hash ^ text[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_the_names_of_lambda_too() {
        assert_eq!(Target::parse("arm64"), Some(Target::Aarch64));
        assert_eq!(Target::parse(Target::X86_64.name()), Some(Target::X86_64));
        assert_eq!(Target::parse("riscv64"), None);
    }

    #[test]
    fn the_engine_s_version_is_the_one_that_is_built_in() {
        let manifest = include_str!("../../../Cargo.toml");
        let version = BUILD.rsplit(' ').next().unwrap();
        assert!(manifest.contains(&format!("wasmtime = {{ version = \"={version}\"")), "{version}");
    }

    #[test]
    fn the_fingerprint_is_fnv_1a() {
        assert_eq!(fingerprint(b""), 0x811c_9dc5);
        assert_eq!(fingerprint(b"foobar"), 0xbf9c_f968);
    }
}
