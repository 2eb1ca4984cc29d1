//! Its `init` prints to stdout and to stderr, and each event does again.

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "it is what this guest is for")]
#[bulkhead::init]
fn init() {
    println!("read 17 rules");
    eprintln!("rule 4 is \u{1b}[31modd");
}

#[expect(clippy::print_stdout, reason = "it is what this guest is for")]
#[bulkhead::handler]
fn answer() {
    println!("used them");
}

fn main() {}
