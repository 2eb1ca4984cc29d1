//! Fails in whatever way the event asks for, to see what callers, logs and the next event make of it.

use std::error::Error as StdError;
use std::fmt;
use std::hint::black_box;

use bulkhead::Diagnostic;

#[derive(serde::Deserialize)]
struct Request {
    how: How,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum How {
    Not,
    Error,
    Panic,
    EndlessLoop,
    MemoryBomb,
    StackOverflow,
    Exit,
}

#[bulkhead::handler]
fn fail(request: Request) -> Result<&'static str, HullBreach> {
    match request.how {
        How::Not => Ok("still afloat"),
        How::Error => Err(HullBreach { compartment: 3, cause: Box::new(Rock(Box::new(Fog))) }),
        How::Panic => panic(),
        How::EndlessLoop => endless_loop(),
        How::MemoryBomb => memory_bomb(),
        How::StackOverflow => Err(stack_overflow(0)),
        How::Exit => exit(),
    }
}

/// An error whose author has chosen what callers see as its type.
#[derive(Debug)]
struct HullBreach {
    compartment: u64,
    cause: Box<dyn StdError>,
}

impl From<HullBreach> for Diagnostic {
    fn from(error: HullBreach) -> Self {
        Self { error_type: "Ship.HullBreach".into(), error_message: error.to_string() }
    }
}

impl fmt::Display for HullBreach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "water in compartment {}", self.compartment)
    }
}

impl StdError for HullBreach {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}

#[derive(Debug)]
struct Rock(Box<dyn StdError>);

impl fmt::Display for Rock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ran onto a rock")
    }
}

impl StdError for Rock {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

#[derive(Debug)]
struct Fog;

impl fmt::Display for Fog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("could not see through the fog")
    }
}

impl StdError for Fog {}

#[expect(clippy::panic, reason = "that is what the event asks for")]
fn panic() -> ! {
    panic!("the captain has left the ship")
}

fn endless_loop() -> ! {
    loop {
        black_box(());
    }
}

fn memory_bomb() -> ! {
    let mut hold = Vec::new();
    loop {
        hold.push(black_box(vec![1_u8; 1024 * 1024]));
    }
}

/// Uses its callee's result, so that the call cannot become a loop.
fn stack_overflow(depth: u64) -> HullBreach {
    let mut deeper = if black_box(true) {
        stack_overflow(depth + 1)
    } else {
        HullBreach { compartment: depth, cause: Box::new(Fog) }
    };
    deeper.compartment += black_box(depth);
    deeper
}

#[expect(clippy::exit, clippy::disallowed_methods, reason = "that is what the event asks for")]
fn exit() -> ! {
    std::process::exit(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_need_not_fail() {
        assert_eq!(fail(Request { how: How::Not }).unwrap(), "still afloat");
    }

    #[test]
    fn the_error_has_a_type_of_its_own_and_two_causes() {
        let error = fail(Request { how: How::Error }).unwrap_err();
        let rock = error.source().unwrap();
        assert_eq!(rock.source().unwrap().to_string(), "could not see through the fog");
        let seen = Diagnostic::from(error);
        assert_eq!(
            (seen.error_type.as_str(), seen.error_message.as_str()),
            ("Ship.HullBreach", "water in compartment 3")
        );
    }

    #[test]
    #[should_panic(expected = "the captain has left the ship")]
    fn it_panics() {
        drop(fail(Request { how: How::Panic }));
    }
}
