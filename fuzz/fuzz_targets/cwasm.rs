//! The stamp at the end of a `.cwasm`, which is read and checked before the file is mapped.
#![no_main]

use std::io::Write as _;

use bulkhead_host::engine::artifact::Stamp;
use libfuzzer_sys::fuzz_target;
use tempfile::NamedTempFile;

fuzz_target!(|bytes: &[u8]| {
    let mut file = NamedTempFile::new().expect("make a file");
    file.write_all(bytes).expect("write the file");
    // Each of these shows the error, as the bootstrap does.
    let shown =
        [Stamp::peek(file.path()), Stamp::check(file.path()), Stamp::check_for_any_target(file.path())];
    for error in shown.into_iter().filter_map(Result::err) {
        assert!(!error.to_string().is_empty());
    }
});
