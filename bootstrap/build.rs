//! Where the bootstrap runs, and how it is linked.
#![expect(clippy::disallowed_methods, reason = "Cargo speaks to a build script through its environment")]

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // One sentence, before its dependencies are compiled for another system.
    if var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        println!(
            "cargo::error=`bootstrap` runs on Linux only, as Lambda does. On macOS and Windows, build it in a container or \
             in WSL2: docs/getting-started.md#macos-and-windows"
        );
    }
    // The start of a function waits for each library that the dynamic linker loads, and `libgcc_s` would be loaded for
    // the C compiler's unwinder alone.
    if var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") {
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
