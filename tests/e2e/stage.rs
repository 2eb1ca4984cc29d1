//! What nearly every test begins with: one guest, one server, one bootstrap that waits for its first event.
//!
//! May use: nothing.

use bulkhead_tests::{Answer, Bootstrap, Event, Kind, Running, RuntimeApi, TaskRoot};

/// A bootstrap that runs one guest.
pub(crate) struct Stage {
    pub(crate) api: RuntimeApi,
    pub(crate) running: Running,
    // Removed last.
    _root: TaskRoot,
}

impl Stage {
    /// With nothing but what Lambda sets.
    pub(crate) fn of(guest: &str) -> Self {
        Self::with(guest, |bootstrap| bootstrap)
    }

    /// With an environment of its own.
    pub(crate) fn with(guest: &str, change: impl FnOnce(Bootstrap) -> Bootstrap) -> Self {
        let stage = Self::starting(guest, RuntimeApi::start(), change);
        stage.api.wait_idle();
        stage
    }

    /// With a `bulkhead.toml`, and the guests that it names.
    pub(crate) fn of_manifest(toml: &str, guests: &[&str]) -> Self {
        let root = guests.iter().fold(TaskRoot::new().manifest(toml), |root, guest| root.with(guest));
        Self::at(root, |bootstrap| bootstrap)
    }

    /// With a task root of its own.
    pub(crate) fn at(root: TaskRoot, change: impl FnOnce(Bootstrap) -> Bootstrap) -> Self {
        Self::on(RuntimeApi::start(), root, change)
    }

    /// With a server of its own as well.
    pub(crate) fn on(api: RuntimeApi, root: TaskRoot, change: impl FnOnce(Bootstrap) -> Bootstrap) -> Self {
        let stage = Self::begun(api, root, change);
        stage.api.wait_idle();
        stage
    }

    /// An environment that handles so many events at a time.
    pub(crate) fn managed(slots: usize, root: TaskRoot, handler: &str) -> Self {
        Self::on(RuntimeApi::concurrent(slots), root, |bootstrap| {
            bootstrap
                .handler(handler)
                .env("AWS_LAMBDA_MAX_CONCURRENCY", slots.to_string())
                .env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")
        })
    }

    /// The same with a `bulkhead.toml`, and the guests that it names.
    pub(crate) fn managed_of_manifest(slots: usize, toml: &str, guests: &[&str]) -> Self {
        let root = guests.iter().fold(TaskRoot::new().manifest(toml), |root, guest| root.with(guest));
        Self::managed(slots, root, "")
    }

    /// Without waiting for the first `/next`.
    pub(crate) fn begun(
        api: RuntimeApi,
        root: TaskRoot,
        change: impl FnOnce(Bootstrap) -> Bootstrap,
    ) -> Self {
        let running = change(Bootstrap::new().task_root(&root).api(&api)).spawn();
        Self { api, running, _root: root }
    }

    /// Without waiting for the first `/next`: the server's script may not let it be idle.
    pub(crate) fn starting(
        guest: &str,
        api: RuntimeApi,
        change: impl FnOnce(Bootstrap) -> Bootstrap,
    ) -> Self {
        Self::begun(api, TaskRoot::new().with(guest), |bootstrap| change(bootstrap.handler(guest)))
    }

    /// Sends an event with this JSON.
    pub(crate) fn send(&self, json: &str) -> Answer {
        self.api.send(Event::json(json))
    }

    /// The receipts of all events so far. They are written before the next event is asked for.
    pub(crate) fn receipts(&self) -> Vec<serde_json::Value> {
        self.api.wait_idle();
        self.running.receipts()
    }

    /// The answer to this JSON, which must be an error of this type.
    pub(crate) fn error(&self, json: &str, error_type: &str) -> Answer {
        let answer = self.send(json);
        assert_error(&answer, error_type);
        answer
    }

    /// The same process answers the next event, and has not broken a rule of the Runtime API so far.
    pub(crate) fn answers(&mut self, json: &str, expected: &str) {
        let answer = self.send(json);
        assert_eq!((answer.kind, answer.text()), (Kind::Response, expected));
        assert!(self.running.is_alive(), "another process answered");
        assert_eq!(self.api.violations(), [] as [String; 0]);
    }

    /// The same for the guests that misbehave unless the event is `"ping"`.
    pub(crate) fn still_answers(&mut self) {
        self.answers(r#""ping""#, r#""ping""#);
    }
}

/// An `/error` of this type, in the header for the platform and in the body for the caller, where an author's own type
/// has no `Function.` before it.
pub(crate) fn assert_error(answer: &Answer, error_type: &str) {
    assert_eq!(answer.kind, Kind::Error, "{:?}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.error_type(), error_type);
    let body = answer.json();
    let shown = body["errorType"].as_str().expect("an errorType");
    assert!(shown == error_type || error_type.strip_prefix("Function.") == Some(shown), "{body}");
}

/// What the platform takes for a type that it does not replace (R4.3): letters only after the dot.
pub(crate) fn is_platform_type(error_type: &str) -> bool {
    let reason = error_type.strip_prefix("Function.").or_else(|| error_type.strip_prefix("Runtime."));
    reason.is_some_and(|reason| {
        reason.len() > 1
            && reason.starts_with(|letter: char| letter.is_ascii_uppercase())
            && reason.chars().all(|letter| letter.is_ascii_alphabetic())
    })
}
