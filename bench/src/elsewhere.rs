//! Figures of other measurements, which have targets as well: `--steps` and `--languages` write them to
//! files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// The files. A file that is not there was not measured.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Elsewhere {
    /// The figures of `cargo xtask bench --steps`
    #[arg(long)]
    steps: Option<PathBuf>,
    /// The figures of `cargo xtask bench --languages`
    #[arg(long)]
    languages: Option<PathBuf>,
}

/// A figure of another measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Figure {
    /// A sandbox's whole life with the settings of a release, in µs.
    WholeLife,
    /// An event of the component with this name, in ms.
    Language(&'static str),
}

impl Elsewhere {
    /// The figure, if it was measured.
    pub(crate) fn find(&self, figure: Figure) -> Result<Option<f64>> {
        match figure {
            Figure::WholeLife => {
                let settings = read(self.steps.as_deref())?;
                // The first setting is the one that ships.
                Ok(settings[0]["steps"]["whole life"]["median_us"].as_f64())
            }
            Figure::Language(name) => {
                let rows = read(self.languages.as_deref())?;
                let row = rows.as_array().into_iter().flatten().find(|row| row["name"] == name);
                Ok(row.and_then(|row| row["event_ms"].as_f64()))
            }
        }
    }
}

fn read(file: Option<&Path>) -> Result<Value> {
    let Some(file) = file.filter(|file| file.is_file()) else { return Ok(Value::Null) };
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_in_the_files_of_other_measurements() {
        let folder = tempfile::tempdir().unwrap();
        let [steps, languages] = ["steps.json", "languages.json"].map(|name| folder.path().join(name));
        fs::write(&steps, r#"[{"steps": {"whole life": {"median_us": 25.0}}}, {}]"#).unwrap();
        fs::write(&languages, r#"[{"name": "hello"}, {"name": "python", "event_ms": 1.04}]"#).unwrap();
        let elsewhere = Elsewhere { steps: Some(steps), languages: Some(languages) };
        assert_eq!(elsewhere.find(Figure::WholeLife).unwrap(), Some(25.0));
        assert_eq!(elsewhere.find(Figure::Language("python")).unwrap(), Some(1.04));
        assert_eq!(elsewhere.find(Figure::Language("go")).unwrap(), None);
    }

    #[test]
    fn a_file_may_be_missing_and_may_not_be_broken() {
        let folder = tempfile::tempdir().unwrap();
        let steps = folder.path().join("steps.json");
        let elsewhere = Elsewhere { steps: Some(steps.clone()), languages: None };
        assert_eq!(elsewhere.find(Figure::WholeLife).unwrap(), None);
        fs::write(steps, "[").unwrap();
        assert!(elsewhere.find(Figure::WholeLife).unwrap_err().to_string().contains("steps.json"));
    }
}
