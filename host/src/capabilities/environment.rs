//! A guest's environment variables and arguments: what its handler was granted and, for a command, the context of its
//! event.
//!
//! A sandbox is made before its event is known, so what is said of the event is added when it is. A command reads
//! its environment when it is run, and not before.

use wasmtime_wasi::p2::bindings::cli::environment;

use crate::policy::Policy;

/// What one sandbox is told.
#[derive(Debug, Default)]
pub struct Environment {
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    /// Whether the guest asked for variables, and there were none.
    missed: bool,
}

impl Environment {
    /// What a policy grants.
    pub fn granted(policy: &Policy) -> Self {
        let variables = policy.grants.environment.iter();
        Self {
            variables: variables.map(|(name, value)| (name.clone(), value.clone())).collect(),
            ..Self::default()
        }
    }

    /// Whether variables were asked for and none were there, since this was asked last.
    pub fn take_missed(&mut self) -> bool {
        std::mem::take(&mut self.missed)
    }

    /// The first argument: programs expect to be told their own name.
    #[must_use]
    pub fn called(mut self, name: &str) -> Self {
        self.arguments = vec![name.to_owned()];
        self
    }

    /// Adds what is known of the event. A variable of the same name that was granted gives way, so that nobody is told
    /// something of an event that is not true.
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
