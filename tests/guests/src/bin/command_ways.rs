//! A program that ends as its event says.
#![expect(clippy::disallowed_methods, clippy::panic, reason = "it ends as it is asked to")]

use std::io::{Write as _, stderr, stdin, stdout};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::io::read_to_string(stdin())?.trim_matches('"') {
        "panic" => panic!("as asked"),
        "error" => return Err("as asked".into()),
        "exit" => {
            (0..1000).try_for_each(|number| writeln!(stderr(), "line {number}"))?;
            std::process::exit(3);
        }
        "exit well" => std::process::exit(i32::from(stdout().write_all(b"well").is_err())),
        "loop" => while std::hint::black_box(true) {},
        "sleep" => std::thread::sleep(std::time::Duration::from_secs(60)),
        "memory" => drop(std::hint::black_box(vec![1_u8; 1 << 30])),
        "huge" => while stdout().write_all(&[b'a'; 4096]).is_ok() {},
        "log" => writeln!(stderr(), "to the log")?,
        event => stdout().write_all(event.as_bytes())?,
    }
    Ok(())
}
