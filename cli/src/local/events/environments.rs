//! The environments of a function: which of them poll for events, which are to stop, and which could not
//! start.

use super::{Call, Events, Failure, Reply, State};

/// Identifies an environment; unique within this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EnvironmentId(pub(crate) u64);

impl EnvironmentId {
    /// The only environment, or one that the user started.
    pub(crate) const ONLY: Self = Self(0);
}

/// An environment: a process of ours or of the user's that polls for events.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// The number of events that it is polling for right now.
    pub(super) idle: usize,
    pub(super) has_asked: bool,
    /// It gets no more events.
    pub(super) is_retired: bool,
    /// Why it could not start.
    failure: Option<Failure>,
}

/// The load of a function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Events that wait for an environment.
    pub(crate) waiting: usize,
    /// Environments that take events, or will once they have started, counted by the events they take at
    /// once.
    pub(crate) ready: usize,
    /// Environments that are not stopping.
    pub(crate) environments: usize,
}

/// An environment polls for an event as long as this lives.
#[derive(Debug)]
pub(super) struct Idle<'e> {
    events: &'e Events,
    environment: EnvironmentId,
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.events.change(|state| {
            if let Some(environment) = state.environments.get_mut(&self.environment) {
                environment.idle = environment.idle.saturating_sub(1);
            }
        });
    }
}

impl Events {
    /// Adds an environment that will poll for events.
    pub(crate) fn begin_environment(&self, environment: EnvironmentId) {
        self.change(|state| state.environments.insert(environment, Environment::default()));
    }

    /// The environment gets no more events.
    pub(crate) fn retire(&self, environment: EnvironmentId) {
        self.change(|state| {
            if let Some(environment) = state.environments.get_mut(&environment) {
                environment.is_retired = true;
            }
        });
    }

    /// The environment could not start. If there is no other, waiting events get this answer.
    pub(crate) fn fail_start(&self, environment: EnvironmentId, failure: Failure) {
        self.change(|state| {
            state.environments.entry(environment).or_default().failure = Some(failure);
            state.answer_where_nothing_starts();
        });
    }

    /// The environment is gone. Its events, and those that waited for its start, get this answer. Returns
    /// whether it had started.
    pub(crate) fn end_environment(&self, id: EnvironmentId, failure: impl Fn(&str) -> Failure) -> bool {
        let has_started = self.state().environments.get(&id).is_some_and(|environment| environment.has_asked);
        let has_failed = self.state().environments.get(&id).is_some_and(|gone| gone.failure.is_some());
        if !has_started && !has_failed {
            self.fail_start(id, failure("none"));
        }
        self.change(|state| {
            state.environments.remove(&id);
            for (request_id, call) in state.calls_of(id) {
                call.fail(failure(&request_id));
            }
        });
        has_started
    }

    /// Fails the events that an environment has not answered in time.
    pub(crate) fn fail(&self, request_ids: &[String], failure: impl Fn(&str) -> Failure) {
        self.change(|state| {
            for request_id in request_ids {
                if let Some(call) = state.calls.remove(request_id) {
                    call.fail(failure(request_id));
                }
            }
        });
    }

    pub(crate) fn load(&self) -> Load {
        let state = self.state();
        let taking = state.environments.values().filter(|one| !one.is_retired && one.failure.is_none());
        let (mut ready, mut environments) = (0, 0);
        for environment in taking {
            environments += 1;
            ready += if environment.has_asked { environment.idle } else { 1 };
        }
        Load { waiting: state.waiting.len(), ready, environments }
    }

    pub(super) fn idle(&self, environment: EnvironmentId) -> Idle<'_> {
        self.change(|state| {
            let environment = state.environments.entry(environment).or_default();
            environment.idle += 1;
            environment.has_asked = true;
        });
        Idle { events: self, environment }
    }
}

impl State {
    pub(super) fn answer_where_nothing_starts(&mut self) {
        let usable = |one: &Environment| !one.is_retired && one.failure.is_none();
        if self.environments.values().any(usable) {
            return;
        }
        let Some(failure) = self.environments.values().find_map(|one| one.failure.clone()) else { return };
        for (request_id, _) in std::mem::take(&mut self.waiting) {
            if let Some(caller) = self.calls.remove(&request_id).and_then(|call| call.caller) {
                drop(caller.send(Reply::NotStarted(failure.clone())));
            }
        }
    }

    /// Takes the events that an environment has.
    fn calls_of(&mut self, id: EnvironmentId) -> Vec<(String, Call)> {
        let of = |call: &mut Call| call.handled.is_some_and(|(environment, _)| environment == id);
        self.calls.extract_if(|_, call| of(call)).collect()
    }
}

impl Call {
    fn fail(self, failure: Failure) {
        if let Some(caller) = self.caller {
            drop(caller.send(Reply::Failed(failure)));
        }
    }
}
