//! A program that ends as its event says.

use std::io::Write as _;

fn main() -> Result<(), String> {
    match std::io::read_to_string(std::io::stdin()).unwrap_or_default().trim_matches('"') {
        "panic" => panic!("as asked"),
        "error" => return Err("as asked".to_owned()),
        "exit" => {
            (0..1000).for_each(|number| eprintln!("line {number}"));
            std::process::exit(3);
        }
        "exit well" => {
            print!("well");
            std::process::exit(0);
        }
        "loop" => while std::hint::black_box(true) {},
        "sleep" => std::thread::sleep(std::time::Duration::from_secs(60)),
        "memory" => drop(std::hint::black_box(vec![1_u8; 1 << 30])),
        "huge" => while std::io::stdout().write_all(&[b'a'; 4096]).is_ok() {},
        "log" => eprintln!("to the log"),
        event => print!("{event}"),
    }
    Ok(())
}
