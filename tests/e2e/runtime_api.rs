//! The protocol between the bootstrap and the platform, and the life of the process: init, events, deadlines, freezing, shutdown.
//!
//! The judges are our own Runtime API server, which checks every byte and can misbehave, and Lambda's emulator.
//!
//! May use: stage, wat.

mod ahead;
mod concurrency;
mod context;
mod deadline;
mod emulator;
mod failure;
mod fixtures;
mod freeze;
mod headers;
mod init;
mod property;
mod reply;
mod shutdown;
mod snapstart;
mod status;
mod streaming;
mod transport;
