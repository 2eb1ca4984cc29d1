//! What the benchmark's programs share: the handlers on `lambda_runtime`, HTTP to the byte, what the kernel knows
//! about a process, what machine it is, and what is made of figures.

pub mod component;
pub mod figures;
pub mod machine;
pub mod native;
pub mod process;
pub mod wire;
