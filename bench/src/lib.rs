//! What the benchmark's programs share: the handlers on `lambda_runtime`, HTTP to the byte, what the kernel knows
//! about a process, and what machine it is.

pub mod machine;
pub mod native;
pub mod process;
pub mod wire;
