//! The error types that handlers have, and what their callers see. `Thrown` is used as the macros use it.

use std::fmt;

use super::*;

macro_rules! failure {
    ($error:expr) => {{
        let error = $error;
        (&&&&&Thrown::of(&error)).failure(error)
    }};
}

#[derive(Debug)]
struct OutOfStock<T>(T);

impl<T: fmt::Display> fmt::Display for OutOfStock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} left", self.0)
    }
}

impl<T: fmt::Display + fmt::Debug> StdError for OutOfStock<T> {}

#[derive(Debug)]
struct OrderFailed(OutOfStock<u8>);

impl fmt::Display for OrderFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot order")
    }
}

impl StdError for OrderFailed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

/// Both an error and a diagnostic: the author chooses the type, and the causes are kept.
#[derive(Debug)]
struct Chosen(OrderFailed);

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not what the caller sees")
    }
}

impl StdError for Chosen {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

impl From<Chosen> for Diagnostic {
    fn from(_: Chosen) -> Self {
        diagnostic()
    }
}

/// A diagnostic only, as a port from `lambda_runtime` may have it.
struct Plain;

impl From<Plain> for Diagnostic {
    fn from(_: Plain) -> Self {
        diagnostic()
    }
}

fn diagnostic() -> Diagnostic {
    Diagnostic { error_type: "Shop.Closed".into(), error_message: "come back at nine".into() }
}

fn seen(failure: &Failure) -> (&str, &str, Vec<&str>) {
    (&failure.error_type, &failure.error_message, failure.stack_trace.iter().map(String::as_str).collect())
}

#[test]
fn an_error_has_its_bare_type_name_and_its_causes() {
    assert_eq!(seen(&failure!(OutOfStock(3))), ("OutOfStock", "only 3 left", vec![]));
    let failure = failure!(OrderFailed(OutOfStock(2)));
    assert_eq!(seen(&failure), ("OrderFailed", "cannot order", vec!["caused by: only 2 left"]));
    assert_eq!(failure!(Box::new(OutOfStock(3))).error_type, "OutOfStock");
}

#[test]
fn the_author_chooses() {
    assert_eq!(seen(&failure!(diagnostic())), ("Shop.Closed", "come back at nine", vec![]));
    assert_eq!(seen(&failure!(Plain)), ("Shop.Closed", "come back at nine", vec![]));
    let causes = vec!["caused by: cannot order", "caused by: only 2 left"];
    assert_eq!(
        seen(&failure!(Chosen(OrderFailed(OutOfStock(2))))),
        ("Shop.Closed", "come back at nine", causes)
    );
}

#[test]
fn a_box_keeps_its_causes_and_a_choice_within() {
    let boxed = Error::from(OrderFailed(OutOfStock(2)));
    assert_eq!(seen(&failure!(boxed)), ("Error", "cannot order", vec!["caused by: only 2 left"]));
    let boxed: Box<dyn StdError> = Box::new(OrderFailed(OutOfStock(2)));
    assert_eq!(seen(&failure!(boxed)), ("Error", "cannot order", vec!["caused by: only 2 left"]));
    let boxed = Error::from(diagnostic());
    assert_eq!(seen(&failure!(boxed)), ("Shop.Closed", "come back at nine", vec![]));
}

#[test]
fn anyhow_needs_no_feature() {
    let plain = anyhow::anyhow!("no luck");
    assert_eq!(seen(&failure!(plain)), ("Error", "no luck", vec![]));
    let chained = anyhow::Error::from(diagnostic()).context("cannot shop");
    assert_eq!(
        seen(&failure!(chained)),
        ("Shop.Closed", "cannot shop", vec!["caused by: come back at nine"])
    );
}

#[test]
fn strings_and_io() {
    assert_eq!(seen(&failure!("no")), ("Error", "no", vec![]));
    assert_eq!(seen(&failure!(String::from("no"))), ("Error", "no", vec![]));
    let io = std::io::Error::other(OrderFailed(OutOfStock(2)));
    assert_eq!(seen(&failure!(io)), ("Error", "cannot order", vec!["caused by: only 2 left"]));
}

#[test]
fn an_empty_type_is_filled_in() {
    let failure = Failure::from(Diagnostic { error_type: String::new(), error_message: "x".into() });
    assert_eq!(failure.error_type, "Error");
}

#[test]
fn bare_names() {
    for (name, expected) in [
        ("shop::stock::OutOfStock<alloc::vec::Vec<u8>>", "OutOfStock"),
        ("&&shop::OutOfStock", "OutOfStock"),
        ("alloc::boxed::Box<alloc::boxed::Box<shop::OutOfStock<u8>>>", "OutOfStock"),
        ("Überlauf", "Überlauf"),
        ("u32", "u32"),
        ("alloc::boxed::Box<dyn core::error::Error>", "Error"),
        ("dyn core::error::Error + core::marker::Send", "Error"),
        ("(u8, shop::OutOfStock)", "Error"),
        ("[u8; 3]", "Error"),
        ("()", "Error"),
        ("shop::failing::{{closure}}", "Error"),
        ("", "Error"),
    ] {
        assert_eq!(bare(name), expected, "{name}");
    }
}

#[test]
fn an_error_that_is_its_own_cause_ends() {
    #[derive(Debug)]
    struct Ouroboros;

    impl fmt::Display for Ouroboros {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("again")
        }
    }

    impl StdError for Ouroboros {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&Self)
        }
    }

    assert_eq!(failure!(Ouroboros).stack_trace.len(), MOST_CAUSES - 1);
}
