//! `wasi:config`: the table `config` of a handler or a tenant, under the two ids that hosts give it. Both have the same
//! functions.

use wasmtime::component::{HasData, Linker};

use crate::policy::Policy;

/// The id of Wasmtime and wasmCloud.
#[expect(clippy::error_impl_error, reason = "generated, with the name in the interface")]
mod rc1 {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "wasi:config/imports@0.2.0-rc.1",
        imports: { default: trappable },
    });
}

/// The id of Spin.
#[expect(clippy::error_impl_error, reason = "generated, with the name in the interface")]
mod draft {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "wasi:config/imports@0.2.0-draft-2024-09-27",
        imports: { default: trappable },
    });
}

use draft::wasi::config0_2_0_draft_2024_09_27::store as draft_store;
use rc1::wasi::config0_2_0_rc_1::store as rc1_store;

/// Whose configuration is read.
pub(super) struct View<'a>(&'a Policy);

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links both ids.
///
/// # Errors
/// When one is there already, which would be a bug.
pub(super) fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    rc1_store::add_to_linker::<T, Has>(linker, view)?;
    draft_store::add_to_linker::<T, Has>(linker, view)
}

impl<'a> View<'a> {
    pub(super) fn of(policy: &'a Policy) -> Self {
        Self(policy)
    }

    fn value(&self, key: &str) -> Option<String> {
        self.0.config.get(key).cloned()
    }

    fn all(&self) -> Vec<(String, String)> {
        self.0.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

impl rc1_store::Host for View<'_> {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, rc1_store::Error>> {
        Ok(Ok(self.value(&key)))
    }

    fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, rc1_store::Error>> {
        Ok(Ok(self.all()))
    }
}

impl draft_store::Host for View<'_> {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, draft_store::Error>> {
        Ok(Ok(self.value(&key)))
    }

    fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, draft_store::Error>> {
        Ok(Ok(self.all()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ids_read_the_same_table() {
        let mut policy = Policy::default_for("hello");
        for (key, value) in [("unit", "EUR"), ("greeting", "Hello")] {
            policy.config.insert(key.to_owned(), value.to_owned());
        }
        let mut view = View::of(&policy);
        let all =
            [("greeting", "Hello"), ("unit", "EUR")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(
            rc1_store::Host::get(&mut view, "unit".to_owned()).unwrap().unwrap().as_deref(),
            Some("EUR")
        );
        assert_eq!(rc1_store::Host::get_all(&mut view).unwrap().unwrap(), all);
        assert_eq!(draft_store::Host::get(&mut view, "Unit".to_owned()).unwrap().unwrap(), None);
        assert_eq!(draft_store::Host::get_all(&mut view).unwrap().unwrap(), all);
    }
}
