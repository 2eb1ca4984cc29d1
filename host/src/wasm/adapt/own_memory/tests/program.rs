//! A program, as text, with what it prints when it is adapted and run.

use wasmtime::Store;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::wasm::adapt::adapt;

struct Host {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}

/// What a program is run with.
#[derive(Default)]
pub(super) struct Setting<'a> {
    pub(super) stdin: &'a [u8],
    pub(super) arguments: &'a [&'a str],
    pub(super) environment: Vec<(String, String)>,
}

/// What every program begins with: the functions that it may call, a memory, and a way to print.
pub(super) const PRELUDE: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread" (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_raise" (func $proc_raise (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_accept" (func $sock_accept (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_recv" (func $sock_recv (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_send" (func $sock_send (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_shutdown" (func $sock_shutdown (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
    (func $put (param $pointer i32) (param $length i32)
        (i32.store (i32.const 0) (local.get $pointer)) (i32.store (i32.const 4) (local.get $length))
        (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
    (func $byte (param $value i32)
        (i32.store8 (i32.const 12) (local.get $value))
        (call $put (i32.const 12) (i32.const 1)))
    (func $buffer (param $at i32) (param $pointer i32) (param $length i32)
        (i32.store (local.get $at) (local.get $pointer))
        (i32.store offset=4 (local.get $at) (local.get $length)))"#;

pub(super) fn program(rest: &str) -> String {
    format!("(module {PRELUDE} {rest})")
}

/// What an adapted program has written to stdout, and how it ended.
pub(super) fn run(wat: &str, setting: &Setting<'_>) -> (wasmtime::Result<()>, Vec<u8>) {
    let component = adapt(&wat::parse_str(wat).unwrap()).unwrap();
    let engine = crate::engine::start(1).unwrap().0;
    let component = Component::from_binary(&engine, &component).unwrap();
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    let stdout = MemoryOutputPipe::new(64 << 20);
    let mut ctx = WasiCtx::builder();
    ctx.stdin(MemoryInputPipe::new(setting.stdin.to_vec())).stdout(stdout.clone());
    ctx.args(setting.arguments).envs(&setting.environment);
    let mut store = Store::new(&engine, Host { ctx: ctx.build(), table: ResourceTable::new() });
    store.set_epoch_deadline(1 << 40);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(async {
        let command = Command::instantiate_async(&mut store, &component, &linker).await?;
        command.wasi_cli_run().call_run(&mut store).await?.map_err(|()| wasmtime::format_err!("it failed"))
    });
    drop(store);
    (ended, stdout.contents().to_vec())
}

pub(super) fn output(rest: &str, setting: &Setting<'_>) -> Vec<u8> {
    let (ended, output) = run(&program(rest), setting);
    ended.unwrap();
    output
}

pub(super) fn text(rest: &str, setting: &Setting<'_>) -> String {
    String::from_utf8(output(rest, setting)).unwrap()
}
