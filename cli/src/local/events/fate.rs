//! What happens to an environment next.

use tokio::time::Instant;

use super::{EnvironmentId, Events, State};

/// The next step for the process that runs an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The environment polls for its first event.
    Started,
    /// The environment was stopping, and has no event left.
    Drained,
    /// The environment has not answered these events in time.
    Overdue(Vec<String>),
}

impl Events {
    /// Waits for the next step.
    pub(crate) async fn fate(&self, id: EnvironmentId, is_started: bool) -> Fate {
        let mut next_look = None;
        loop {
            let look = self.when(|state| {
                let earliest = state.earliest(id);
                // A deadline may have moved, so the environments are looked at again.
                state
                    .fate(id, is_started)
                    .map(Ok)
                    .or_else(|| (earliest != next_look).then_some(Err(earliest)))
            });
            let looked = match next_look {
                None => look.await,
                Some(deadline) => tokio::select! {
                    looked = look => looked,
                    () = tokio::time::sleep_until(deadline) => Err(None),
                },
            };
            match looked {
                Ok(fate) => return fate,
                Err(earliest) => next_look = earliest,
            }
        }
    }
}

impl State {
    fn fate(&self, id: EnvironmentId, is_started: bool) -> Option<Fate> {
        let environment = self.environments.get(&id)?;
        let mut calls = self.calls.iter().filter(|(_, call)| call.handled.is_some_and(|(of, _)| of == id));
        let now = Instant::now();
        let is_overdue = |at: Instant| at <= now;
        let overdue: Vec<String> = calls
            .clone()
            .filter(|(_, call)| call.handled.is_some_and(|(_, deadline)| is_overdue(deadline)))
            .map(|(request_id, _)| request_id.clone())
            .collect();
        if !overdue.is_empty() {
            return Some(Fate::Overdue(overdue));
        }
        if environment.is_retired
            && calls.next().is_none()
            && (environment.idle > 0 || !environment.has_asked)
        {
            return Some(Fate::Drained);
        }
        (environment.has_asked && !is_started).then_some(Fate::Started)
    }

    fn earliest(&self, id: EnvironmentId) -> Option<Instant> {
        let handled = self.calls.values().filter_map(|call| call.handled);
        handled.filter(|(environment, _)| *environment == id).map(|(_, deadline)| deadline).min()
    }
}
