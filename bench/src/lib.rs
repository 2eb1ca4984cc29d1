//! What the benchmark's programs share: the handlers on `lambda_runtime`, HTTP to the byte, and what the kernel knows
//! about a process.

pub mod native;
pub mod process;
pub mod wire;
