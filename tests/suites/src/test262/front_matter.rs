//! What a test of test262 says about itself, in a comment of YAML between `/*---` and `---*/`. Only what the suite uses of YAML is
//! read.

use anyhow::{Result, bail};

/// What is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FrontMatter {
    pub(super) flags: Vec<String>,
    pub(super) includes: Vec<String>,
    pub(super) features: Vec<String>,
    pub(super) negative: Option<Negative>,
}

/// The error that a test has to end with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Negative {
    pub(super) phase: Phase,
    /// The name of its class.
    pub(super) error: String,
}

/// When the error happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Parse,
    Resolution,
    Runtime,
}

impl FrontMatter {
    /// Reads the comment of a test. A test without one says nothing.
    pub(super) fn parse(source: &str) -> Result<Self> {
        let mut matter = Self::default();
        let Some((_, rest)) = source.split_once("/*---") else { return Ok(matter) };
        let Some((text, _)) = rest.split_once("---*/") else { bail!("the front matter does not end") };
        // Some tests are about ends of lines, and have others.
        let lines: Vec<&str> = text.split(['\n', '\r']).collect();
        for (number, line) in lines.iter().enumerate() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let indented = || {
                let below = lines.iter().skip(number + 1);
                below.take_while(|line| line.is_empty() || line.starts_with([' ', '-'])).copied()
            };
            match key {
                "flags" => matter.flags = list(value, indented()),
                "includes" => matter.includes = list(value, indented()),
                "features" => matter.features = list(value, indented()),
                "negative" => matter.negative = Some(negative(indented())?),
                _ => {}
            }
        }
        Ok(matter)
    }

    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|one| one == flag)
    }
}

/// A list in brackets, which may go on in the next lines, or one of lines that begin with a dash.
fn list<'a>(value: &str, below: impl Iterator<Item = &'a str>) -> Vec<String> {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let value = value.trim();
    if let Some(inner) = value.strip_prefix('[') {
        let whole = below.fold(inner.to_owned(), |all, line| all + " " + line);
        return words(whole.split(']').next().unwrap_or_default());
    }
    below.filter_map(|line| line.trim().strip_prefix("- ")).flat_map(words).collect()
}

fn negative<'a>(below: impl Iterator<Item = &'a str>) -> Result<Negative> {
    let (mut phase, mut error) = (None, None);
    for line in below {
        match line.trim().split_once(':').map(|(key, value)| (key, value.trim())) {
            Some(("phase", "parse" | "early")) => phase = Some(Phase::Parse),
            Some(("phase", "resolution")) => phase = Some(Phase::Resolution),
            Some(("phase", "runtime")) => phase = Some(Phase::Runtime),
            Some(("type", name)) => error = Some(name.to_owned()),
            Some(_) | None => {}
        }
    }
    match (phase, error) {
        (Some(phase), Some(error)) => Ok(Negative { phase, error }),
        (Some(_) | None, _) => bail!("`negative` has no phase or no type"),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn lists_have_brackets_or_dashes() {
        let source = "// Copyright\n/*---\ndescription: >\n  a: b\nflags: [onlyStrict, async]\nincludes:\n  - a.js\n  - b.js\n\
                      features: [Symbol,\n  Proxy]\n---*/\nflags: [raw]\n";
        let matter = FrontMatter::parse(source).unwrap();
        assert!(matter.has("onlyStrict") && matter.has("async") && !matter.has("raw"));
        assert_eq!(matter.includes, ["a.js", "b.js"]);
        assert_eq!(matter.features, ["Symbol", "Proxy"]);
        assert_eq!(matter.negative, None);
        assert!(FrontMatter::parse("/*---\rflags: [raw]\r---*/").unwrap().has("raw"));
    }

    #[test]
    fn an_error_has_a_phase_and_a_type() {
        let of =
            |text: &str| FrontMatter::parse(&format!("/*---\nnegative:\n{text}---*/")).map(|it| it.negative);
        let negative = of("  phase: parse\n  type: SyntaxError\n").unwrap().unwrap();
        assert_eq!(negative, Negative { phase: Phase::Parse, error: "SyntaxError".to_owned() });
        assert_eq!(of("  phase: runtime\n  type: Test262Error\n").unwrap().unwrap().phase, Phase::Runtime);
        assert!(of("  phase: parse\n").is_err());
    }

    #[test]
    fn a_test_may_say_nothing_but_not_half() {
        assert_eq!(FrontMatter::parse("var a;").unwrap(), FrontMatter::default());
        assert!(FrontMatter::parse("/*--- flags: [raw]").is_err());
    }
}
