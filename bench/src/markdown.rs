//! Tables of figures in Markdown, which are readable as plain text.

/// A table: the first row is the heading; the first column is aligned to the left, all others to the right.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut lines = Vec::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        lines.push(format!("| {} |", cells.collect::<Vec<_>>().join(" | ")));
    }
    let rules = widths.iter().enumerate().map(|(column, width)| {
        let end = if column == 0 { '-' } else { ':' };
        format!("-{}{end}", "-".repeat(*width))
    });
    lines.insert(1.min(lines.len()), format!("|{}|", rules.collect::<Vec<_>>().join("|")));
    lines.join("\n")
}

/// A row of cells.
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

/// Three digits, or all digits before the decimal point.
pub fn shown(figure: f64) -> String {
    match figure {
        ..10.0 => format!("{figure:.2}"),
        ..100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}

/// A count with a comma between thousands.
pub fn thousands(figure: f64) -> String {
    let digits = format!("{:.0}", figure.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if figure <= -0.5 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = table(&[row(["what", "µs"]), row(["an event", "7.00"])]);
        assert_eq!(table, "| what     |   µs |\n|----------|-----:|\n| an event | 7.00 |");
    }

    #[test]
    fn figures_have_three_digits() {
        assert_eq!([0.126, 1.26, 12.6, 126.4, 12_640.0].map(shown), ["0.13", "1.26", "12.6", "126", "12640"]);
    }

    #[test]
    fn thousands_are_separated() {
        let counts = [0.0, 999.0, 1000.0, 1_234_567.4, -2500.0];
        assert_eq!(counts.map(thousands), ["0", "999", "1,000", "1,234,567", "-2,500"]);
    }
}
