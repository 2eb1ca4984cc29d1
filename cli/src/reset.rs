//! What the reset of a component's memory costs for each event, for people.

use bulkhead_host::engine::Reset;
use bytesize::ByteSize;

/// A larger stack is worth a remark. It is as much as the pool keeps of a memory if several events are handled
/// at a time.
const LARGE_STACK: u64 = 256 * 1024;

/// How much is reset in place, and what becomes of the rest, each of which is a short line.
pub(crate) fn lines(reset: Reset) -> Vec<String> {
    let Reset { initial_memory, in_place, in_place_of_several, stack } = reset;
    let of_stack = stack.map(|stack| format!(", of which {} are the stack", size(stack)));
    let mut lines = vec![size(in_place) + &of_stack.unwrap_or_default()];
    if in_place_of_several < in_place {
        lines.push(format!("{} if several events are handled at a time", size(in_place_of_several)));
    }
    if initial_memory > in_place {
        lines.push(format!("another {} go back to the operating system", size(initial_memory - in_place)));
    }
    lines
}

/// The same as one text.
pub(crate) fn text(reset: Reset) -> String {
    lines(reset).join("; ")
}

/// What can be done about a reset that costs more than it needs to.
pub(crate) fn advice(reset: Reset) -> Option<String> {
    reset.stack.filter(|stack| *stack > LARGE_STACK).map(|stack| {
        format!(
            "its stack of {} is reset for each event, also the parts that no event uses; if \
             `package.metadata.bulkhead.stack` asks for it, try a smaller one; without that key `bulkhead build` links \
             128 KiB, as cargo does with `-C link-arg=-zstack-size=131072` in its rustflags",
            size(stack)
        )
    })
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(memory: u64, stack: Option<u64>) -> Reset {
        let mut reset = Reset::default();
        reset.add_memory(memory);
        stack.into_iter().for_each(|stack| reset.add_stack(stack));
        reset
    }

    #[test]
    fn the_text_has_what_matters_for_the_component() {
        assert_eq!(text(of(64 << 10, None)), "64.0 KiB");
        assert_eq!(text(of(192 << 10, Some(128 << 10))), "192.0 KiB, of which 128.0 KiB are the stack");
        assert_eq!(
            text(of(1088 << 10, Some(1 << 20))),
            "1.1 MiB, of which 1.0 MiB are the stack; 256.0 KiB if several events are handled at a time"
        );
        let large = text(of(20 << 20, None));
        assert!(
            large.starts_with("16.0 MiB; 256.0 KiB if several") && large.contains("; another 4.0 MiB go")
        );
    }

    #[test]
    fn only_a_large_stack_needs_advice() {
        assert_eq!(advice(of(64 << 10, None)), None);
        assert_eq!(advice(of(14 << 20, Some(256 << 10))), None);
        let said = advice(of(1088 << 10, Some(1 << 20))).unwrap();
        assert!(said.starts_with("its stack of 1.0 MiB") && said.contains("-zstack-size=131072"), "{said}");
    }
}
