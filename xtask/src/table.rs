//! A table for the terminal: the first column is aligned to the left, all others to the right.

use std::fmt;

use unicode_width::UnicodeWidthStr as _;

/// Rows of cells under a row of headings.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = Self { rows: Vec::new() };
        table.row(headings);
        table
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.map(str::to_owned).into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                // `{:width$}` counts characters, and a terminal shows some of them in two columns and others in none.
                let space = " ".repeat(widths[column] - cell.width());
                match column {
                    0 => write!(formatter, "  {cell}{space}")?,
                    _ => write!(formatter, "  {space}{cell}")?,
                }
            }
            writeln!(formatter)?;
            if index == 0 {
                let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                writeln!(formatter, "  {}", rules.join("  "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns_and_marks_none() {
        let mut table = Table::new(["what", "size"]);
        table.row(["東京", "1"]);
        table.row(["🚢", "20"]);
        table.row(["e\u{301}te\u{301}", "４"]);
        assert_eq!(
            table.to_string(),
            "  what  size\n  ────  ────\n  東京     1\n  🚢      20\n  e\u{301}te\u{301}     ４\n"
        );
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["what", "size"]);
        table.row(["hello", "61 KB"]);
        assert_eq!(table.to_string(), "  what    size\n  ─────  ─────\n  hello  61 KB\n");
    }
}
