//! Records with levels and fields, as with `lambda_runtime::tracing`: the macros of the
//! [`tracing`](https://docs.rs/tracing) crate, and a subscriber that writes to the function's log.
//!
//! ```
//! use bulkhead::tracing;
//!
//! tracing::init_default_subscriber();
//! tracing::info!(order = 7, "the order is placed");
//! ```
//!
//! Each record is a line of JSON with its `level`, its `message` and its fields, which Bulkhead writes in the
//! format of the function's log.
//!
//! To see records below `INFO`, set the function's log level (`AWS_LAMBDA_LOG_LEVEL=DEBUG`) and grant the
//! handler `environment = { RUST_LOG = "debug" }`. `RUST_LOG` takes one level, and not directives such as
//! `my_crate=debug`. If the handler is granted `AWS_LAMBDA_LOG_LEVEL` too, that variable takes precedence.

pub use ::tracing::*;
/// The crate `tracing-subscriber`, for a subscriber of your own.
pub use tracing_subscriber as subscriber;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Writes the records of this sandbox to the log. If there is a subscriber already, nothing happens.
pub fn init_default_subscriber() {
    init_default_subscriber_with_writer(std::io::stdout);
}

/// Writes the records of this sandbox to `writer`. If there is a subscriber already, nothing happens.
pub fn init_default_subscriber_with_writer<Writer>(writer: Writer)
where
    Writer: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let subscriber = default_subscriber(level(), writer);
    ::tracing::subscriber::set_global_default(subscriber).ok();
}

fn default_subscriber<Writer>(level: LevelFilter, writer: Writer) -> impl Subscriber + Send + Sync
where
    Writer: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(writer);
    // The host adds the time.
    lines.json().flatten_event(true).with_current_span(false).with_target(false).without_time().finish()
}

/// The names of the variables are those that `lambda_runtime` reads.
#[expect(clippy::disallowed_methods, reason = "a grant is read as any variable is")]
fn level() -> LevelFilter {
    let named = |name| std::env::var(name).ok()?.parse().ok();
    ["AWS_LAMBDA_LOG_LEVEL", "RUST_LOG"].into_iter().find_map(named).unwrap_or(LevelFilter::INFO)
}

/// What the records look like is tested with guests, because the host, which is compiled with this crate for unit tests,
/// turns the macros off.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_subscriber_changes_nothing() {
        init_default_subscriber_with_writer(std::io::sink);
        init_default_subscriber();
        assert!(::tracing::dispatcher::has_been_set());
    }

    #[test]
    fn without_a_variable_the_level_is_info() {
        assert_eq!(level(), LevelFilter::INFO);
    }
}
