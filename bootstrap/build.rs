//! Says in one sentence where the bootstrap runs, before its dependencies are compiled for another system.
#![expect(clippy::disallowed_methods, reason = "Cargo speaks to a build script through its environment")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        println!(
            "cargo::error=`bootstrap` runs on Linux only, as Lambda does. On macOS and Windows, build it in a container or \
             in WSL2: docs/getting-started.md#macos-and-windows"
        );
    }
}
