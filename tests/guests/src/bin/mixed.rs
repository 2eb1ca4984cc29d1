//! Behaves as the event says: the guest of the property test.

#![expect(clippy::exit, clippy::panic, reason = "on purpose")]
#![expect(clippy::disallowed_methods, reason = "on purpose")]
#![expect(clippy::print_stdout, reason = "on purpose")]

use bulkhead::{Error, Raw};

#[bulkhead::handler]
fn mixed(behaviour: String) -> Result<Raw, Error> {
    match behaviour.as_str() {
        "fail" => Err("as asked".into()),
        "panic" => panic!("as asked"),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(3),
        "spin" => loop {
            std::hint::black_box(());
        },
        "bomb" => Ok(Raw(vec![1; 1 << 30])),
        "big" => Ok(Raw(vec![b'x'; 6_291_557])),
        "flood" => {
            (0..5_000).for_each(|line| println!("line {line} of the flood"));
            Ok(Raw::default())
        }
        other => Ok(Raw(other.into())),
    }
}

fn main() {}
