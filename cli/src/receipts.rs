//! `bulkhead receipts`: sums up the receipts in a log.

mod histogram;
mod lines;
mod print;
mod tally;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context;
use bulkhead_host::text::printable::Shown as _;
use clap::{Args, ValueEnum};

use crate::output;
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
        let stdin = [PathBuf::from("-")];
        for file in if self.files.is_empty() { &stdin[..] } else { &self.files } {
            let malformed = read(file, &mut tally).with_context(|| file.shown())?;
            if malformed > 0 {
                output::tell(&format!(
                    "{}: left out {malformed} receipts that cannot be read; they are damaged, or from another version",
                    file.shown()
                ));
            }
        }
        let summary = tally.summary(self.sort);
        if self.json { output::print_json(&summary) } else { Ok(output::print(print::table(&summary))?) }
    }
}

/// Adds the receipts of a file. Returns the number of malformed ones.
fn read(file: &Path, tally: &mut Tally) -> io::Result<u64> {
    let reader: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::with_capacity(1 << 16, File::open(file)?))
    };
    add(reader, tally)
}

fn add(reader: impl BufRead, tally: &mut Tally) -> io::Result<u64> {
    let mut lines = Lines::of(reader);
    let mut malformed = 0;
    while let Some(line) = lines.next()? {
        match Line::of(line) {
            Line::Receipt(receipt) => tally.add(&receipt),
            Line::Malformed => malformed += 1,
            Line::Other => {}
        }
    }
    tally.malformed += malformed;
    Ok(malformed)
}

#[cfg(test)]
mod tests;
