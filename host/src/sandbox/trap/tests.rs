//! Errors of the engine, and the outcomes that they mean.

use super::*;
use crate::runtime_api::invocation::Deadline;

#[test]
fn a_panic_is_one_message_with_its_place() {
    let text = "thread 'main' (1) panicked at src/lib.rs:3:5:\nboom\ntwice\nnote: run with `RUST_BACKTRACE=1` \
                environment variable";
    assert_eq!(panic_message(text), "panicked at src/lib.rs:3:5: boom\ntwice");
    assert_eq!(panic_message("thread 'main' panicked at a.rs:1:1:"), "panicked at a.rs:1:1: ");
}

#[test]
fn the_machinery_of_a_panic_is_known() {
    assert!(is_panicking("core::panicking::panic_fmt"));
    assert!(is_panicking("__rustc::rust_begin_unwind"));
    assert!(is_panicking("abort"));
    for own in ["hello::handle", "abort::give_up", "abort_job", "rust_handler::run", "std_like::f"] {
        assert!(!is_panicking(own), "{own}");
    }
}

/// What becomes of this error, with no evidence but what the change adds.
fn told(error: impl Into<wasmtime::Error>, change: impl FnOnce(&mut Evidence<'_>)) -> Outcome {
    let limits = Limits::default();
    let budget = TimeBudget::new(limits.wall_time, Deadline::Unknown { reason: "absent" }, 1);
    let mut evidence =
        Evidence { panic: None, refused: None, out_of_cpu_time: false, budget, limits: &limits };
    change(&mut evidence);
    outcome(&error.into(), evidence)
}

fn panicked(said: &str) -> String {
    format!("thread 'main' panicked at a:1:1:\n{said}")
}

#[test]
fn traps_are_told_apart() {
    let of =
        |trap: Trap, panic: Option<String>| format!("{:?}", told(trap, |evidence| evidence.panic = panic));
    assert!(of(Trap::StackOverflow, Some(panicked("x"))).starts_with("StackOverflow"));
    assert!(of(Trap::UnreachableCodeReached, Some(panicked("x"))).starts_with("Panicked"));
    assert!(of(Trap::UnreachableCodeReached, None).starts_with("Trapped"));
    assert!(of(Trap::IntegerDivisionByZero, Some(panicked("x"))).starts_with("Trapped"));
    assert!(of(Trap::MemoryOutOfBounds, None).starts_with("Trapped"));
}

#[test]
fn an_access_just_below_address_0_is_an_overflow_of_the_guest_s_stack() {
    let at = |address: u64| {
        let fault = format!("memory fault at wasm address 0x{address:x} in linear memory of size 0x110000");
        told(wasmtime::Error::from(Trap::MemoryOutOfBounds).context(fault), |_| ())
    };
    for below in [0xffff_ffff, 0xfff0_0000, 0x1_0000_0010] {
        assert!(matches!(at(below), Outcome::StackOverflow { stack: Stack::Memory, .. }), "{below:x}");
    }
    for wild in [0x11_0000, 0x8000_0000, 0xffef_ffff] {
        let Outcome::Trapped { message, .. } = at(wild) else { panic!("{wild:x}") };
        assert_eq!(message, Trap::MemoryOutOfBounds.to_string());
    }
}

#[test]
fn an_interruption_has_one_of_two_reasons() {
    assert!(matches!(told(Trap::Interrupt, |_| ()), Outcome::TimedOut { by_lambda: false, .. }));
    let outcome = told(Trap::Interrupt, |evidence| evidence.out_of_cpu_time = true);
    assert!(matches!(outcome, Outcome::CpuLimitExceeded { .. }));
}

#[test]
fn a_refusal_of_memory_explains_only_what_it_explains() {
    let of = |panic: Option<&str>| {
        let outcome = told(Trap::UnreachableCodeReached, |evidence| {
            evidence.panic = panic.map(panicked);
            evidence.refused = Some(Limit::Memory);
        });
        matches!(outcome, Outcome::OutOfMemory { .. })
    };
    assert!(of(None));
    assert!(of(Some("called `Result::unwrap()` on an `Err` value: TryReserveError { kind: AllocError }")));
    assert!(!of(Some("index out of bounds")), "it coped, and made another mistake later");
}

#[test]
fn limits_are_told_by_type_or_text() {
    let limit = |error: wasmtime::Error| told(error, |_| ()).limit();
    assert_eq!(limit(Exceeded { limit: Limit::Random, allowed: 1 }.into()), Some(Limit::Random));
    assert_eq!(limit(Exceeded { limit: Limit::Response, allowed: 1 }.into()), Some(Limit::Response));
    assert_eq!(limit(ResourceTableError::Full.into()), Some(Limit::Handles));
    let text = "resource limit exceeded: instance count too high at 41";
    assert_eq!(limit(wasmtime::format_err!("{text}")), Some(Limit::Instances));
}

#[test]
fn headers_have_a_limit_of_their_own() {
    for error in [FieldMapError::TotalSizeTooBig, FieldMapError::TooManyFields] {
        assert!(matches!(told(error, |_| ()), Outcome::HeadersTooLarge { limit: MAX_HEADERS }));
    }
    assert!(matches!(told(FieldMapError::Immutable, |_| ()), Outcome::Trapped { .. }));
}

#[test]
fn names_are_as_their_authors_wrote_them() {
    let mut names = Names::default();
    assert_eq!(names.readable("_ZN5hello6handle17h0123456789abcdefE"), "hello::handle");
    assert_eq!(names.readable("_RNvCs1234_7mycrate3foo"), "mycrate::foo");
    assert_eq!(names.readable("main"), "main");
    assert_eq!(names.room, MAX_NAMES - "hello::handle".len() - "mycrate::foo".len() - "main".len());
}

/// A path of empty names, and tuples of tuples that refer to it and to each other. Written out, it would be as long as
/// two to the power of `levels`.
fn nested(empty: usize, levels: usize) -> String {
    let at = |place: usize| match place {
        0 => "B_".to_owned(),
        _ => {
            const DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
            let (mut rest, mut digits) = (place - 1, Vec::new());
            loop {
                digits.push(char::from(DIGITS[rest % 62]));
                rest /= 62;
                if rest == 0 {
                    break format!("B{}_", digits.iter().rev().collect::<String>());
                }
            }
        }
    };
    // `I path {types} E`: a generic function. Places count from behind `_R`.
    let mut name = "INvC1a1f".to_owned();
    let mut before = name.len();
    name.push_str(&format!("{}C0{}", "Nv".repeat(empty), "0".repeat(empty)));
    for _ in 0..levels {
        let place = name.len();
        name.push_str(&format!("T{0}{0}E", at(before)));
        before = place;
    }
    format!("_R{name}E")
}

#[test]
fn a_name_that_grows_without_end_stays_as_it_is() {
    let small = nested(3, 2);
    assert_eq!(Names::default().readable(&small), "a::f::<, (, ), ((, ), (, ))>", "{small}");
    let mut names = Names::default();
    let long = nested(470, 60);
    assert!(long.len() > 1500, "{}", long.len());
    assert_eq!(names.readable(&long), cut(&long, MAX_NAME));
    assert_eq!(names.room, MAX_NAMES, "nobody has looked at it");
    let short = nested(60, 30);
    assert!(short.len() < MAX_MANGLED, "{}", short.len());
    for _ in 0..20 {
        assert_eq!(names.readable(&short), short);
    }
    assert!(names.room < 16, "there is an end to trying: {}", names.room);
}

#[test]
fn an_exit_is_no_trap() {
    assert!(matches!(told(I32Exit(3), |_| ()), Outcome::Exited { code: 3 }));
}
