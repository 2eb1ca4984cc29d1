//! Panics while it panics, with messages of a megabyte.

#![expect(clippy::panic, reason = "it is what this guest is for")]

struct Again;

impl Drop for Again {
    fn drop(&mut self) {
        panic!("{}", "again ".repeat(200_000))
    }
}

#[bulkhead::handler]
fn panic_loop() {
    let _again = Again;
    std::panic::set_hook(Box::new(|info| {
        panic!("{info}{}", "in the hook ".repeat(100_000));
    }));
    panic!("{}", "once ".repeat(200_000))
}

fn main() {}
