//! A guest's environment variables and arguments: the variables that its handler was granted and, for a
//! command, the context of its event.
//!
//! A sandbox is made before its event is known, so the event's variables are added later. A command reads its
//! environment only when it runs.

use wasmtime_wasi::p2::bindings::cli::environment;

use crate::policy::Policy;

/// The environment of one sandbox.
#[derive(Debug, Default)]
pub struct Environment {
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    /// Whether the guest asked for variables, and there were none.
    missed: bool,
}

impl Environment {
    /// The variables that a policy grants.
    pub fn granted(policy: &Policy) -> Self {
        let variables = policy.grants.environment.iter();
        Self {
            variables: variables.map(|(name, value)| (name.clone(), value.clone())).collect(),
            ..Self::default()
        }
    }

    /// Whether the guest asked for variables since the last call, and there were none.
    pub fn take_missed(&mut self) -> bool {
        std::mem::take(&mut self.missed)
    }

    /// The first argument: programs expect their own name.
    #[must_use]
    pub fn called(mut self, name: &str) -> Self {
        self.arguments = vec![name.to_owned()];
        self
    }

    /// Adds the event's variables. They replace granted variables of equal names, so that a guest never reads
    /// false data about its event.
    pub fn tell(&mut self, context: Vec<(&'static str, String)>) {
        self.variables.retain(|(name, _)| context.iter().all(|(told, _)| told != name));
        self.variables.extend(context.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
}

impl environment::Host for Environment {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.missed |= self.variables.is_empty();
        Ok(self.variables.clone())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.arguments.clone())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::environment::Host as _;
    use super::*;

    #[test]
    fn what_is_true_of_the_event_stands_before_what_was_granted() {
        let mut policy = Policy::default_for("hello");
        for (name, value) in [("STAGE", "test"), ("BULKHEAD_REQUEST_ID", "a lie")] {
            policy.grants.environment.insert(name.to_owned(), value.to_owned());
        }
        let mut environment = Environment::granted(&policy).called("hello");
        environment.tell(vec![("BULKHEAD_REQUEST_ID", "8476a536".to_owned())]);
        let expected = [("STAGE", "test"), ("BULKHEAD_REQUEST_ID", "8476a536")];
        assert_eq!(
            environment.get_environment().unwrap(),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(environment.get_arguments().unwrap(), ["hello"]);
        assert!(!environment.take_missed());
    }

    #[test]
    fn without_a_grant_there_is_nothing() {
        let mut environment = Environment::granted(&Policy::default_for("hello"));
        assert!(!environment.take_missed());
        assert!(environment.get_environment().unwrap().is_empty());
        assert!(environment.take_missed() && !environment.take_missed(), "it is told once");
        assert!(environment.get_arguments().unwrap().is_empty());
        assert_eq!(environment.initial_cwd().unwrap(), None);
    }
}
