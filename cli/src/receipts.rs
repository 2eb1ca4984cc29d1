//! `bulkhead receipts`: sums up the receipts in a log.

mod histogram;
mod lines;
mod print;
mod tally;

use std::io::{self, BufRead, BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, ensure};
use bulkhead_host::dispatch::receipt::Receipt;
use bulkhead_host::text::printable::Shown as _;
use clap::{Args, ValueEnum};

use crate::number::whole;
use crate::{files, output};
use lines::{Line, Lines};
use tally::Tally;

/// Sum up the receipts in log files: how much each tenant or handler used, and how its events ended.
///
/// A line is a receipt if the whole line is a JSON object whose "type" is "bulkhead.receipt". A handler can
/// print such text only within a log line of the host, which does not count. A batch that was split has a
/// receipt for each of its parts. Percentiles are accurate to 1 %.
///
/// Example: bulkhead receipts --by handler function.log
#[derive(Debug, Args)]
pub(crate) struct Receipts {
    /// Log files; `-` is stdin [default: -]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The key of the groups
    #[arg(long, value_enum, default_value_t = By::Tenant)]
    by: By,
    /// The order of the rows: by name, or by another column with the largest first
    #[arg(long, value_enum, default_value_t = Sort::Events)]
    sort: Sort,
    /// Show only the first N rows, and the sum of the others
    #[arg(long, value_name = "N", value_parser = whole::<u16>(1..=65_535, 10))]
    top: Option<u16>,
    /// Only receipts from this time on: a time in UTC, such as 2026-11-29T08:00:00Z, or how long ago, such as 1h
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<SystemTime>,
    /// Print JSON: times in microseconds, sizes in bytes
    #[arg(long)]
    json: bool,
}

/// The key by which receipts are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Tenant,
    Handler,
    Outcome,
}

/// The order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    Name,
    Events,
    Errors,
    Wall,
    Cpu,
    Memory,
    Requests,
}

impl Receipts {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut tally = Tally::new(self.by);
        let stdin = [PathBuf::from(STDIN)];
        for file in if self.files.is_empty() { &stdin[..] } else { &self.files } {
            let found = read(file, self.since, &mut tally)?;
            found.report(file, self.since)?;
        }
        let summary = tally.summary(self.sort, self.top.map(usize::from));
        if self.json { output::print_json(&summary) } else { Ok(output::print(print::table(&summary))?) }
    }
}

/// What was found in a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    lines: u64,
    receipts: u64,
    /// Receipts of an earlier time.
    earlier: u64,
    malformed: u64,
    prefixed: u64,
}

impl Found {
    /// Says what was left out. A file without a receipt is an error: it is probably another file than the user means,
    /// and a table of zeros would look like a result.
    fn report(&self, file: &Path, since: Option<SystemTime>) -> anyhow::Result<()> {
        let file = if file == Path::new(STDIN) { "stdin".to_owned() } else { file.shown() };
        let Self { lines, receipts, earlier, malformed, prefixed } = *self;
        if malformed > 0 {
            output::tell(&format!(
                "{file}: left out {malformed} receipts that cannot be read; they are damaged, or from another version"
            ));
        }
        if earlier > 0
            && receipts == 0
            && let Some(since) = since
        {
            output::tell(&format!(
                "{file}: all of its {earlier} receipts are from before {}",
                humantime::format_rfc3339_seconds(since)
            ));
        }
        ensure!(
            prefixed == 0 || receipts + earlier + malformed > 0,
            "{file}: there is text before each receipt, as `aws logs tail` puts it there; take it away: \
             `aws logs tail GROUP --format short | sed 's/^[^ ]* //' | bulkhead receipts`"
        );
        if lines == 0 {
            output::tell(&format!("{file}: it is empty"));
        }
        ensure!(
            lines == 0 || receipts + earlier + malformed > 0,
            "{file}: none of its lines is a receipt; a receipt is a line of the function's log that begins \
             with {{\"type\":\"bulkhead.receipt\""
        );
        Ok(())
    }
}

/// The name of stdin on the command line.
const STDIN: &str = "-";

/// Adds the receipts of a file.
fn read(file: &Path, since: Option<SystemTime>, tally: &mut Tally) -> anyhow::Result<Found> {
    if file != Path::new(STDIN) {
        let reader = BufReader::with_capacity(1 << 16, files::open(file)?);
        return add_text(reader, since, tally).with_context(|| file.shown());
    }
    let stdin = io::stdin();
    if stdin.is_terminal() {
        output::tell("bulkhead receipts: reading the log from this terminal, until Ctrl-D; or name files");
    }
    add_text(stdin.lock(), since, tally).context("stdin")
}

/// The first bytes of a file of gzip.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Adds the receipts of a text, which what is compressed is not.
fn add_text(mut reader: impl BufRead, since: Option<SystemTime>, tally: &mut Tally) -> anyhow::Result<Found> {
    let start = reader.fill_buf()?;
    ensure!(
        !start.starts_with(GZIP),
        "it is compressed; unpack it on the way: `gunzip -c FILE | bulkhead receipts`"
    );
    ensure!(!start.contains(&0), "it is not a text file, so it is not a log");
    Ok(add(reader, since, tally)?)
}

fn add(reader: impl BufRead, since: Option<SystemTime>, tally: &mut Tally) -> io::Result<Found> {
    let mut lines = Lines::of(reader);
    let mut found = Found::default();
    let is_earlier = |receipt: &Receipt| {
        let time = humantime::parse_rfc3339(&receipt.timestamp);
        since.is_some_and(|since| time.is_ok_and(|time| time < since))
    };
    while let Some(line) = lines.next()? {
        found.lines += 1;
        match Line::of(line) {
            Line::Receipt(receipt) if is_earlier(&receipt) => found.earlier += 1,
            Line::Receipt(receipt) => {
                found.receipts += 1;
                tally.add(&receipt);
            }
            Line::Malformed => found.malformed += 1,
            Line::Prefixed => found.prefixed += 1,
            Line::Other => {}
        }
    }
    tally.malformed += found.malformed;
    Ok(found)
}

/// A time, or how long ago it was.
fn since(text: &str) -> Result<SystemTime, String> {
    let ago = humantime::parse_duration(text).ok().and_then(|ago| SystemTime::now().checked_sub(ago));
    let time = || humantime::parse_rfc3339_weak(text).ok();
    let day = || humantime::parse_rfc3339_weak(&format!("{text}T00:00:00Z")).ok();
    ago.or_else(time).or_else(day).ok_or_else(|| {
        "write a time in UTC, such as 2026-11-29T08:00:00Z or 2026-11-29, or how long ago it was, such as 1h".to_owned()
    })
}

#[cfg(test)]
mod tests;
