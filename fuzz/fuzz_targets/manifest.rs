//! `bulkhead.toml`: any text is a manifest, or has mistakes that can be shown.
#![no_main]

use bulkhead_host::policy::manifest::{Manifest, shown};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Manifest::parse(text) {
        Ok(manifest) => manifest.policies().for_each(|policy| assert!(!shown(policy).is_empty())),
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            assert!(mistakes.iter().all(|mistake| mistake.line > 0 && !mistake.to_string().is_empty()));
        }
    }
});
