//! Bounds on measured figures, for the benchmarks that compare Bulkhead with itself.

use serde_json::{Value, json};

use crate::markdown::{row, table};

/// A bound, and the measured figure.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// What is bounded.
    pub name: &'static str,
    /// The figure is at most this.
    pub limit: f64,
    /// The unit of both, with a space before it where there has to be one.
    pub unit: &'static str,
    /// The figure.
    pub measured: f64,
}

impl Goal {
    /// The verdict in a word.
    pub fn word(&self) -> &'static str {
        match () {
            () if self.measured.is_nan() => "not measured",
            () if self.measured <= self.limit => "met",
            () => "MISSED",
        }
    }
}

/// All bounds as a table.
pub fn shown(goals: &[Goal]) -> String {
    let mut rows = vec![row(["target", "limit", "measured", ""])];
    rows.extend(goals.iter().map(|goal| {
        let Goal { name, limit, unit, measured } = goal;
        let measured = if measured.is_nan() { String::new() } else { format!("{measured:.3}{unit}") };
        row([name, &format!("at most {limit}{unit}"), &measured, goal.word()])
    }));
    table(&rows)
}

/// All bounds for programs.
pub fn json(goals: &[Goal]) -> Value {
    let of = |goal: &Goal| {
        let Goal { name, limit, unit, measured } = goal;
        json!({ "name": name, "limit": limit, "unit": unit.trim(), "measured": measured, "verdict": goal.word() })
    };
    goals.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_above_its_limit_is_a_miss() {
        let goal = |measured| Goal { name: "memory", limit: 100.0, unit: " MB", measured };
        assert_eq!(
            [99.0, 100.0, 100.1, f64::NAN].map(|measured| goal(measured).word()),
            ["met", "met", "MISSED", "not measured"]
        );
        let shown = shown(&[goal(12.345), goal(f64::NAN)]);
        assert!(shown.contains("| memory | at most 100 MB | 12.345 MB |          met |"), "{shown}");
        assert!(shown.contains("|           | not measured |"), "{shown}");
        assert_eq!(json(&[goal(1.0)])[0]["unit"], "MB");
    }
}
