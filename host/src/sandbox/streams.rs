//! A guest's standard streams.

use wasmtime_wasi::WasiCtx;

use super::command::Pipes;
use crate::capabilities::console::Console;

/// The streams of a sandbox, without files. A command's stdout is its response, not its log.
pub(super) fn streams(console: &Console, pipes: Option<&Pipes>) -> WasiCtx {
    let mut wasi = WasiCtx::builder();
    wasi.stderr(console.stderr());
    match pipes {
        Some(pipes) => wasi.stdin(pipes.stdin()).stdout(pipes.stdout()),
        None => wasi.stdout(console.stdout()),
    };
    wasi.build()
}
