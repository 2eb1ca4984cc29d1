//! Modules that the benchmark's programs share: the handlers on `lambda_runtime`, HTTP, process data of the
//! kernel, the description of the machine, and calculations.

pub mod component;
pub mod figures;
pub mod machine;
pub mod native;
pub mod process;
pub mod wire;
