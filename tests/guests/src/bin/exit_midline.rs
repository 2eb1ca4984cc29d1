//! Prints half a line, then exits.

#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    clippy::print_stdout,
    reason = "it is what this guest is for"
)]
#[bulkhead::handler]
fn exit_midline() {
    print!("half a ");
    std::process::exit(0);
}

fn main() {}
