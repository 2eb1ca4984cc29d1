//! Tries to leave the directory that it may read, and answers with where it came.

use std::fs;

const OUTSIDE: &str = ".. ../.. / /assets/.. /assets/../.. assets/./../bulkhead.toml /assets//../hostile.wasm \
    /etc/passwd //etc/passwd /assets/../../../etc/passwd /proc/self/environ /assets/link /assets/link/passwd";

#[bulkhead::handler]
fn escape() -> Vec<String> {
    let mut reached = Vec::new();
    for path in OUTSIDE.split(' ') {
        if fs::read(path).is_ok() {
            reached.push(format!("read {path:?}"));
        }
        let linked = fs::hard_link(path, "/assets/stolen").is_ok();
        if linked || fs::write(format!("{path}/written"), "x").is_ok() || fs::remove_file(path).is_ok() {
            reached.push(format!("changed {path:?}"));
        }
    }
    reached
}

fn main() {}
