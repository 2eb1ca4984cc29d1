//! A program with a `main` and without a handler.

fn main() {}
