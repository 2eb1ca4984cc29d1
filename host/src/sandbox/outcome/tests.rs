//! The report of each outcome.

use std::sync::Arc;

use super::*;
use crate::policy::{Authentication, AwsSigning, Credential};

fn report(outcome: Outcome) -> (String, String) {
    let report = outcome.into_answer().expect_err("not a response");
    (report.header_type().to_owned(), report.message().to_owned())
}

#[test]
fn what_a_guest_did_has_a_type_of_function_and_a_text() {
    let (none, why) = (Vec::new, || "why".to_owned());
    let allowed = Duration::from_millis(2900);
    let timed_out = |by_lambda| Outcome::TimedOut { allowed, by_lambda };
    let limit = |limit| Outcome::LimitExceeded { limit, allowed: 7 };
    for (outcome, error_type, text) in [
        (Outcome::Panicked { message: why(), stack_trace: none() }, "Panic", "why"),
        (Outcome::Trapped { message: why(), stack_trace: none() }, "Trap", "why"),
        (timed_out(true), "Timeout", "after 2s 900ms, just before"),
        (timed_out(false), "Timeout", "after 2s 900ms, its limit of wall time"),
        (Outcome::OutOfMemory { limit: 128 << 20 }, "OutOfMemory", "128 MiB"),
        (Outcome::OutOfMemory { limit: 1000 }, "OutOfMemory", "1000 bytes"),
        (
            Outcome::CpuLimitExceeded { limit: allowed },
            "CpuLimitExceeded",
            "after 2s 900ms, its limit of processor",
        ),
        (limit(Limit::Handles), "HandleLimitExceeded", "its limit of 7 for `handles`"),
        (limit(Limit::TableEntries), "TableLimitExceeded", "its limit of 7 for `table_entries`"),
        (limit(Limit::Instances), "InstanceLimitExceeded", "its limit of 7 for `instances`"),
        (limit(Limit::Random), "RandomLimitExceeded", "its limit of 7 bytes for `random`"),
        (limit(Limit::Hostcall), "HostcallLimitExceeded", "its limit of 7 bytes for `hostcall`"),
        (
            limit(Limit::StreamedResponse),
            "ResponseSizeTooLarge",
            "its limit of 7 bytes for `streamed_response`",
        ),
        (
            Outcome::LimitExceeded { limit: Limit::Hostcall, allowed: 16 << 20 },
            "HostcallLimitExceeded",
            "its limit of 16 MiB for `hostcall`",
        ),
        (Outcome::HeadersTooLarge { limit: 64 << 10 }, "HeaderLimitExceeded", "exceeded 64 KiB"),
    ] {
        let (header, said) = report(outcome);
        assert_eq!(header, format!("Function.{error_type}"));
        assert!(said.contains(text), "{said}");
    }
}

#[test]
fn so_has_how_it_ended() {
    for (outcome, error_type, text) in [
        (
            Outcome::StackOverflow { stack: Stack::Engine, stack_trace: Vec::new() },
            "StackOverflow",
            "overflowed, most likely through infinite recursion",
        ),
        (
            Outcome::StackOverflow { stack: Stack::Memory, stack_trace: Vec::new() },
            "StackOverflow",
            "set `stack = \"1MiB\"` under [package.metadata.bulkhead] in its Cargo.toml",
        ),
        (Outcome::ResponseTooLarge { size: Some(7), limit: 6 }, "ResponseSizeTooLarge", "7 bytes"),
        (Outcome::ResponseTooLarge { size: None, limit: 6 }, "ResponseSizeTooLarge", "6 bytes"),
        (Outcome::Exited { code: 3 }, "Exited", "code 3"),
        (
            Outcome::CommandFailed { code: 3, stderr: "why".to_owned() },
            "Exited",
            "code 3; the end of its stderr: why",
        ),
        (Outcome::CommandFailed { code: 3, stderr: String::new() }, "Exited", "without writing to stderr"),
        (Outcome::NotHttp(HttpEventError::NotHttp("why")), "NotAnHttpEvent", "not an HTTP event: why"),
        (Outcome::ServiceFailed(ServiceError::NoResponse), "NoHttpResponse", "response-outparam"),
        (Outcome::ServiceFailed(ServiceError::BodyUnfinished), "InvalidHttpResponse", "outgoing-body.finish"),
    ] {
        let (header, said) = report(outcome);
        assert_eq!(header, format!("Function.{error_type}"));
        assert!(said.contains(text), "{said}");
    }
}

#[test]
fn what_the_host_could_not_do_has_a_type_of_runtime() {
    let unavailable = Outcome::DirectoryUnavailable { message: "`data` was replaced".to_owned() };
    let (header, said) = report(unavailable);
    assert_eq!(
        (header.as_str(), said.as_str()),
        ("Runtime.SandboxUnavailable", "a granted directory cannot be opened: `data` was replaced")
    );
    let unavailable = Outcome::SandboxUnavailable { message: "why".to_owned() };
    assert_eq!(unavailable.limit(), None);
    let (header, said) = report(unavailable);
    assert_eq!(header, "Runtime.SandboxUnavailable");
    assert!(said.contains("no room for a sandbox (why); send the event again"), "{said}");
}

#[test]
fn a_limit_is_named_where_it_is_ours() {
    let timed_out = |by_lambda| Outcome::TimedOut { allowed: Duration::ZERO, by_lambda };
    assert_eq!(timed_out(false).limit(), Some(Limit::WallTime));
    assert_eq!(timed_out(true).limit(), None);
    assert_eq!(Outcome::LimitExceeded { limit: Limit::Handles, allowed: 1 }.limit(), Some(Limit::Handles));
}

#[test]
fn a_response_is_no_error() {
    assert_eq!(Outcome::Replied(vec![1]).into_answer().unwrap(), [1]);
}

#[test]
fn a_failure_after_a_credential_was_missing_is_the_platform_s() {
    let missing = |is_awaited| {
        let credential = Credential {
            name: "notes".into(),
            hosts: Vec::new(),
            authentication: Authentication::Aws(AwsSigning::default()),
        };
        Some(MissingCredential { credential: Arc::new(credential), is_awaited })
    };
    let credential = || missing(false);
    let failed = || Outcome::Trapped { message: "no note".to_owned(), stack_trace: Vec::new() };
    let (error_type, message) = report(failed().without(credential()));
    assert_eq!(error_type, "Runtime.CredentialUnavailable");
    assert_eq!(message, "the credential notes could not be had, and the handler failed: no note");
    assert_eq!(report(failed().without(missing(true))).0, "Function.Trap", "it did not wait");
    let late = Outcome::TimedOut { allowed: Duration::from_secs(1), by_lambda: false };
    let (error_type, message) = report(late.without(missing(true)));
    assert_eq!(error_type, "Runtime.CredentialUnavailable");
    assert!(message.ends_with("did not finish without it"), "{message}");
    let greedy = Outcome::OutOfMemory { limit: 1 };
    assert_eq!(report(greedy.without(credential())).0, "Function.OutOfMemory", "that is the handler's own");
    assert_eq!(report(failed().without(None)).0, "Function.Trap");
    let replied = Outcome::Replied(b"1".to_vec()).without(credential());
    assert!(matches!(replied, Outcome::Replied(_)), "it has done without");
}
