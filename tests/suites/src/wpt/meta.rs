//! What a file of web-platform-tests says about itself, in comments `// META: key=value` at its beginning.

/// What is said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Meta {
    /// Scripts to run before it.
    pub(super) scripts: Vec<String>,
    /// The global scopes that it is for; empty for all.
    globals: Vec<String>,
}

impl Meta {
    /// Reads the comments.
    pub(super) fn parse(source: &str) -> Self {
        let mut meta = Self::default();
        for line in source.lines().take_while(|line| line.starts_with("//") || line.trim().is_empty()) {
            let comment = line.strip_prefix("//").map(str::trim).and_then(|line| line.strip_prefix("META:"));
            match comment.and_then(|comment| comment.trim().split_once('=')) {
                Some(("script", script)) => meta.scripts.push(script.trim().to_owned()),
                Some(("global", globals)) => {
                    meta.globals = globals.split(',').map(|global| global.trim().to_owned()).collect();
                }
                Some(_) | None => {}
            }
        }
        meta
    }

    /// Whether it is for windows and workers alike, and so for nothing that only one of them has.
    pub(super) fn is_anywhere(&self) -> bool {
        let has = |name: &str| self.globals.iter().any(|global| global == name);
        self.globals.is_empty() || (has("window") && has("worker")) || has("window") && has("dedicatedworker")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_name_scripts_and_scopes() {
        let meta = Meta::parse(
            "// META: script=resources/a.js\n//META: script=/common/b.js\n\n// META: global=window,worker\nx();\n// META: script=c.js\n",
        );
        assert_eq!(meta.scripts, ["resources/a.js", "/common/b.js"]);
        assert!(meta.is_anywhere() && Meta::parse("").is_anywhere());
        assert!(!Meta::parse("// META: global=window\n").is_anywhere());
        assert!(!Meta::parse("// META: global=dedicatedworker,sharedworker\n").is_anywhere());
    }
}
