//! Prints the sums as a table.

use bytesize::ByteSize;

use super::By;
use super::tally::{Row, Summary};
use crate::label::label;
use crate::table::{Align, Table};

const COLUMNS: usize = 12;

/// The table, with a row of headings and a row of totals.
pub(super) fn table(summary: &Summary) -> Table<COLUMNS> {
    let mut columns = [Align::Right; COLUMNS];
    columns[0] = Align::Left;
    let mut table = Table::new(0, columns);
    let (what, nobody) = match summary.by {
        By::Tenant => ("tenant", "(no tenant)"),
        By::Handler => ("handler", "(no handler)"),
        By::Outcome => ("outcome", ""),
    };
    table.row([
        what, "events", "errors", "%", "wall p50", "wall p99", "cpu", "cpu p99", "memory", "in", "out",
        "requests",
    ]);
    for named in &summary.rows {
        let name = named.name.as_deref().map_or_else(|| nobody.to_owned(), label);
        table.row(cells(name, &named.row));
    }
    if let Some(others) = &summary.others {
        table.row(cells("(all others)".to_owned(), others));
    }
    table.row(cells("total".to_owned(), &summary.total));
    table
}

fn cells(name: String, row: &Row) -> [String; COLUMNS] {
    let requests = match (row.outbound_requests, row.outbound_bytes_out.saturating_add(row.outbound_bytes_in))
    {
        (requests, 0) => requests.to_string(),
        (requests, bytes) => format!("{requests} ({})", size(bytes)),
    };
    [
        name,
        row.events.to_string(),
        row.errors.to_string(),
        format!("{:.1}", row.error_rate * 100.0),
        time(row.wall_p50),
        time(row.wall_p99),
        time(row.cpu_total),
        time(row.cpu_p99),
        size(row.peak_memory),
        size(row.bytes_in),
        size(row.bytes_out),
        requests,
    ]
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// Formats microseconds for people.
fn time(micros: u64) -> String {
    let (whole, hundredths) = (micros / 1_000_000, micros / 10_000 % 100);
    match micros {
        0..1_000 => format!("{micros}us"),
        1_000..1_000_000 => format!("{}.{}ms", micros / 1_000, micros / 100 % 10),
        1_000_000..60_000_000 => format!("{whole}.{hundredths:02}s"),
        60_000_000..3_600_000_000 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        for (micros, text) in [
            (0, "0us"),
            (999, "999us"),
            (1_250, "1.2ms"),
            (5_000_000, "5.00s"),
            (61_000_000, "1m01s"),
            (7_260_000_000, "2h01m"),
        ] {
            assert_eq!(time(micros), text);
        }
    }
}
