//! What the attributes accept, and what they say to what they do not. `TRYBUILD=overwrite` rewrites the expected texts.

#[test]
fn attributes() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}

#[cfg(feature = "http")]
#[test]
fn http_handler() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/http/pass/*.rs");
    cases.compile_fail("tests/ui/http/fail/*.rs");
}
