//! Links the stack of the engine.
//!
//! A call of a function of a script takes about 260 bytes of it. All of it is reset for each event, so it is no larger than what
//! scripts that recurse need.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-cdylib=-zstack-size=262144");
}
