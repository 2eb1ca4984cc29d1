//! Rows of cells, aligned with spaces. Each cell is escaped as a name, so that a cell can neither break the
//! line nor look like another.

use std::fmt;

use bulkhead_host::text::printable;

/// The alignment of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table whose lines are indented by a number of spaces.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    indent: usize,
    columns: [Align; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(indent: usize, columns: [Align; N]) -> Self {
        Self { indent, columns, rows: Vec::new() }
    }

    pub(crate) fn row<C: Into<String>>(&mut self, cells: [C; N]) {
        self.rows.push(cells.map(|cell| printable::name(&cell.into()).into_owned()));
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.rows {
            let mut line = " ".repeat(self.indent);
            for ((cell, align), width) in row.iter().zip(self.columns).zip(widths) {
                line += &match align {
                    Align::Left => format!("{cell:<width$}  "),
                    Align::Right => format!("{cell:>width$}  "),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_where_they_should() {
        let mut table = Table::new(2, [Align::Left, Align::Right, Align::Left]);
        table.row(["tenant", "events", ""]);
        table.row(["überall", "7", "x"]);
        assert_eq!(table.to_string(), "  tenant   events\n  überall       7  x\n");
        assert_eq!(Table::new(0, [Align::Left]).to_string(), "");
    }

    #[test]
    fn a_cell_stays_one() {
        let mut table = Table::new(0, [Align::Left, Align::Left]);
        table.row(["a\n\tb\u{1b}[2J", "c"]);
        table.row(["d", "e"]);
        assert_eq!(table.to_string(), "a\\n\\tb\\u{1b}[2J  c\nd                e\n");
    }
}
