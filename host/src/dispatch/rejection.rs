//! The reasons why an event has no answer of its guest: it was rejected before it reached a sandbox, or the
//! host ended it. The texts and `errorType`s for a guest's own failures are in [`crate::sandbox::outcome`].

use std::sync::Arc;

use super::concurrency::ConcurrencyExceeded;
use super::router::RouteError;
use super::scripts::ScriptError;
use super::stored::Absence;
use crate::policy::{Limit, Route};
use crate::runtime_api::ErrorReport;
use crate::runtime_api::invocation::ContextError;

/// The reason why an event has no answer of its guest.
#[derive(Debug)]
pub(super) enum Rejection {
    /// A header of the event is not valid.
    Context(ContextError),
    /// The event names no known tenant, or that tenant has no handler.
    Route(RouteError),
    /// Its tenant has too many events in flight.
    Concurrency(ConcurrencyExceeded),
    /// The handler's component cannot be run.
    HandlerInvalid {
        /// The reason.
        message: String,
    },
    /// The script of its handler or tenant cannot be had.
    ScriptUnavailable {
        /// Whose script it is: a table of `bulkhead.toml`, or a tenant.
        owner: String,
        /// The reason.
        error: ScriptError,
    },
    /// The Runtime API ended the response in mid-stream, so the handler was stopped. Only the log gets this
    /// report.
    StreamClosed,
    /// A bug of Bulkhead: the host panicked while it handled this event.
    HostPanic {
        /// The message of the panic.
        message: String,
    },
}

impl Rejection {
    /// The component of a tenant of the store cannot be had.
    pub(super) fn of_stored(absence: Absence, tenant: Option<&Arc<str>>) -> Self {
        let tenant = tenant.map_or_else(|| "".into(), Arc::clone);
        Self::Route(match absence {
            Absence::Unknown => RouteError::NotStored { tenant },
            Absence::Invalid(reason) => RouteError::InvalidRecord { tenant, reason },
            Absence::Unavailable(reason) => RouteError::Unavailable { tenant, reason },
        })
    }

    /// The script of an event with this route cannot be had.
    pub(super) fn of_script(error: ScriptError, route: &Route) -> Self {
        if let ScriptError::Stored(absence) = error {
            return Self::of_stored(absence, route.tenant_id.as_ref());
        }
        Self::ScriptUnavailable { owner: owner(route), error }
    }

    /// The report for the caller.
    pub(super) fn report(&self) -> ErrorReport {
        match self {
            Self::Context(error) => ErrorReport::new("Runtime.ContextUnmarshalError", error),
            Self::Route(error) => ErrorReport::new(route_type(error), error),
            Self::Concurrency(error) => ErrorReport::new("Runtime.ConcurrencyLimitExceeded", error),
            Self::HandlerInvalid { message } => ErrorReport::new("Runtime.InvalidComponent", message),
            Self::ScriptUnavailable { owner, error } => ErrorReport::new(
                "Runtime.ScriptUnavailable",
                format_args!("the script of {owner} cannot be used: {error}"),
            ),
            Self::StreamClosed => ErrorReport::new(
                "Runtime.StreamClosed",
                "the handler was stopped because its response is no longer read",
            ),
            Self::HostPanic { message } => ErrorReport::new(
                "Runtime.HostPanic",
                format_args!("Bulkhead itself panicked, which is a bug: {message}"),
            ),
        }
    }

    /// The limit that the event exceeded.
    pub(super) fn limit(&self) -> Option<Limit> {
        match self {
            Self::Concurrency(_) => Some(Limit::Concurrency),
            Self::Context(_)
            | Self::Route(_)
            | Self::HandlerInvalid { .. }
            | Self::ScriptUnavailable { .. }
            | Self::StreamClosed
            | Self::HostPanic { .. } => None,
        }
    }
}

/// Whose script the events with this route have.
pub(super) fn owner(route: &Route) -> String {
    match &route.tenant_id {
        Some(id) if route.is_known => format!("the tenant {id:?}"),
        Some(_) | None => format!("the handler {}", route.policy.handler),
    }
}

fn route_type(error: &RouteError) -> &'static str {
    match error {
        RouteError::NoTenant { .. } | RouteError::Unknown { .. } | RouteError::NotStored { .. } => {
            "Runtime.UnknownTenant"
        }
        RouteError::InvalidRecord { .. } => "Runtime.InvalidTenantRecord",
        RouteError::Unavailable { .. } => "Runtime.TenantUnavailable",
        RouteError::Unclear { .. } => "Runtime.InvalidTenant",
        RouteError::Mixed { .. } => "Runtime.MixedTenants",
        RouteError::Several { first, .. } => route_type(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rejection: &Rejection) -> (String, String) {
        let report = rejection.report();
        (report.header_type().to_owned(), report.message().to_owned())
    }

    #[test]
    fn what_the_host_ended_has_a_type_of_runtime() {
        let (header, said) = report(&Rejection::HostPanic { message: "why".to_owned() });
        assert_eq!(header, "Runtime.HostPanic");
        assert!(said.contains("Bulkhead itself panicked, which is a bug: why"), "{said}");
        let (header, said) = report(&Rejection::StreamClosed);
        assert!(header == "Runtime.StreamClosed" && said.contains("no longer read"), "{header} {said}");
        let (owner, error) = ("the tenant \"acme\"".to_owned(), ScriptError::Full);
        let (header, said) = report(&Rejection::ScriptUnavailable { owner, error });
        assert_eq!(header, "Runtime.ScriptUnavailable");
        assert!(
            said.starts_with("the script of the tenant \"acme\" cannot be used: too many scripts"),
            "{said}"
        );
        let (header, said) = report(&Rejection::Context(ContextError::TenantId(2000)));
        assert_eq!(header, "Runtime.ContextUnmarshalError");
        assert!(said.contains("2000 bytes"), "{said}");
    }

    #[test]
    fn an_event_that_goes_nowhere_says_why() {
        let place = || "Lambda's tenant id".to_owned();
        for (error, header) in [
            (RouteError::NoTenant { place: place() }, "Runtime.UnknownTenant"),
            (RouteError::Unknown { tenant: "x\n".into() }, "Runtime.UnknownTenant"),
            (RouteError::NotStored { tenant: "x".into() }, "Runtime.UnknownTenant"),
            (
                RouteError::InvalidRecord { tenant: "x".into(), reason: "it expired".into() },
                "Runtime.InvalidTenantRecord",
            ),
            (
                RouteError::Unavailable { tenant: "x".into(), reason: "no answer".into() },
                "Runtime.TenantUnavailable",
            ),
            (RouteError::Unclear { place: place(), reason: "twice".to_owned() }, "Runtime.InvalidTenant"),
            (
                RouteError::Mixed { origin: "aws:sqs".to_owned(), tenants: 2, advice: "split" },
                "Runtime.MixedTenants",
            ),
        ] {
            let text = error.to_string();
            assert_eq!(report(&Rejection::Route(error)), (header.to_owned(), text));
        }
    }

    #[test]
    fn a_tenant_with_too_many_events_in_flight_is_told_how_many_it_may_have() {
        let exceeded = ConcurrencyExceeded { guest: "the tenant acme".to_owned(), allowed: 4 };
        let rejection = Rejection::Concurrency(exceeded);
        assert_eq!(rejection.limit(), Some(Limit::Concurrency));
        let (header, said) = report(&rejection);
        assert_eq!(header, "Runtime.ConcurrencyLimitExceeded");
        assert!(said.contains("acme has 4 events in flight"), "{said}");
    }
}
