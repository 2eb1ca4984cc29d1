//! What `bulkhead dev` shows on a terminal: the log of the handlers on stdout, everything else on stderr.
//!
//! May use: nothing.

use bulkhead_host::dispatch::receipt::{REPLIED, Receipt};
use bulkhead_host::log::on_lines;

use crate::label::label;
use crate::output;

/// Writes a message about the command as a whole.
pub(super) fn say(text: &str) {
    output::tell(&format!("bulkhead dev: {text}"));
}

/// Writes a message about a function.
pub(super) fn tell(function: &str, text: &str) {
    output::tell(&format!("{}: {text}", label(function)));
}

/// Writes a line of a function's log, or the summary of a receipt.
pub(super) fn print(function: &str, line: &str, receipt: Option<&Receipt>) {
    let text = match receipt {
        Some(receipt) => format!("{}  {}\n", label(function), summary(receipt)),
        None => on_lines(line) + "\n",
    };
    // If stdout was closed, events are handled all the same.
    let _ = output::print(text);
}

fn summary(receipt: &Receipt) -> String {
    let tenant = receipt.tenant_id.as_deref().map(|id| format!("  tenant {}", label(id))).unwrap_or_default();
    let memory = u64::try_from(receipt.peak_memory_bytes).unwrap_or(u64::MAX);
    let mark = if receipt.outcome == REPLIED { "ok" } else { "failed" };
    format!(
        "{mark}  {}  {:.2} ms  cpu {:.2} ms  memory {}{tenant}",
        label(&receipt.outcome),
        receipt.wall_ms,
        receipt.cpu_ms,
        bytesize::ByteSize(memory).display().iec(),
    )
}
