//! Text with colours. The colours are set here; everything else is escaped when it is added.

use anstyle::Style;
use bulkhead_host::text::printable;

/// Several lines, with their ends.
#[derive(Debug, Default)]
pub(crate) struct Coloured(String);

impl Coloured {
    pub(crate) fn push(&mut self, text: &str) {
        self.0 += &printable::text(text);
    }

    pub(crate) fn push_in(&mut self, style: Style, text: &str) {
        self.0 += &format!("{style}{}{style:#}", printable::text(text));
    }

    /// The text with its colours.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The text without colours.
    pub(crate) fn plain(&self) -> String {
        anstream::adapter::strip_str(&self.0).to_string()
    }
}

#[cfg(test)]
mod tests {
    use anstyle::AnsiColor;

    use super::*;

    #[test]
    fn only_our_own_colours_reach_a_terminal() {
        let mut text = Coloured::default();
        text.push("a\u{1b}[31mb ");
        text.push_in(AnsiColor::Green.on_default(), "c\u{9b}2Jd\n");
        assert_eq!(text.as_str(), "a\\u{1b}[31mb \u{1b}[32mc\\u{9b}2Jd\n\u{1b}[0m");
        assert_eq!(text.plain(), "a\\u{1b}[31mb c\\u{9b}2Jd\n");
    }
}
