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
//! format of the function's log. Records below the level of the function's log
//! (`AWS_LAMBDA_LOG_LEVEL`) are dropped. So are records below `INFO`, unless the variable `RUST_LOG` says
//! otherwise: `environment = { RUST_LOG = "debug" }` in the handler's grants.

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
    let named = ["AWS_LAMBDA_LOG_LEVEL", "RUST_LOG"].into_iter().find_map(|name| std::env::var(name).ok());
    named.and_then(|name| name.parse().ok()).unwrap_or(LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// One test: subscribers of tests that run side by side get in each other's way. The host, with which the
    /// workspace compiles it, removes all records at compile time; then `guests::ports` alone tests them.
    #[test]
    fn a_record_is_a_line_of_json_and_a_second_subscriber_changes_nothing() {
        let written = Written::default();
        let to = written.clone();
        let subscriber = default_subscriber(LevelFilter::INFO, move || to.clone());
        ::tracing::subscriber::with_default(subscriber, || {
            let span = info_span!("batch", size = 2);
            let _entered = span.enter();
            warn!(order = 7, text = ?"a\nb", "late");
            debug!("not said");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        init_default_subscriber_with_writer(io::sink);
        init_default_subscriber();
        if level_filters::STATIC_MAX_LEVEL == LevelFilter::OFF {
            assert_eq!(text, "");
            return;
        }
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).expect(&text);
        assert_eq!(
            (&line["level"], &line["message"], &line["order"]),
            (&"WARN".into(), &"late".into(), &7.into())
        );
        assert_eq!((&line["text"], &line["spans"][0]["size"]), (&"\"a\\nb\"".into(), &2.into()));
        assert!(line.get("timestamp").is_none() && line.get("target").is_none(), "{line}");
    }
}
