//! Modules that the benchmark's programs share: the handlers on `lambda_runtime`, HTTP, process data of the
//! kernel, the description of the machine, and calculations. [`store`] and [`fleet`] belong to the two programs that
//! measure and simulate a store of tenants.

pub mod component;
pub mod figures;
pub mod fleet;
pub mod goals;
pub mod machine;
pub mod markdown;
pub mod native;
pub mod process;
pub mod random;
pub mod store;
pub mod wire;
